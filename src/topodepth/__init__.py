"""How the topology and geometry of data change through the depth of a neural network.

The rooms of the library, from the lowest up: ``errors``, ``plugins``, ``registry``, ``files``, ``jobs``,
``statistics``, ``homology``, ``topology``, ``datasets``, ``architectures``, ``networks``, ``activations``,
``training``, ``attacks``, ``tables``, ``experiments``, ``figures``, ``plan``. Imports point down this list only
(tests/unit/test_house.py).
Nothing is imported here, so that a worker pays only for what it uses.
"""
