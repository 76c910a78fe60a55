"""What opens a trained network for a job, one file per kind of network, made known with ``@register(kind)``.

An entry is a class that takes a :class:`Source`, what a configuration says of a network. Its ``normalisation(how)``
returns how the input is normalised, and why if that was chosen here; its ``network(layers, example, scores=…)`` a
:class:`topodepth.networks.network.Network` that takes batches with their channels last. ``example()`` returns such a
batch, for a network that has to see one. A job's digest holds the one entry that it uses.
"""

from topodepth.networks.openers._source import Source, add_arguments, register, registry, source_of

__all__ = ["Source", "add_arguments", "register", "registry", "source_of"]
