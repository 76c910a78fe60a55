"""The same inputs in every run, whichever tests ran before in the process.

Hypothesis 6.131 and later try the constants of every module of ours that is loaded, with ``derandomize`` too; so the
inputs of a test, and whether it fails, hung on what its process had imported.
"""

from hypothesis.internal.conjecture import providers

providers._get_local_constants = providers.Constants
