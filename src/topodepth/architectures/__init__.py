"""Network architectures, one file each, made known with ``@register(name, layers=[...])``.

``layers`` are the names worth tapping, in order of depth; the planner reads them without importing Keras, so a
module of this package imports Keras inside its ``build`` function only. The other attributes of ``@register`` are
the original's settings: ``activation``, ``width``, ``l2`` and ``optimizer``. An architecture of any depth also has a
``depth``, takes it as an argument, and its ``layers`` are a function of it.
"""

from topodepth.architectures._building import ACTIVATIONS, build, checked_depth, layers, register, registry

__all__ = ["ACTIVATIONS", "build", "checked_depth", "layers", "register", "registry"]
