"""Network architectures, one file each, made known with ``@register(name, layers=[...])``.

``layers`` are the names worth tapping, in order of depth; the planner reads them without importing Keras, so a
module of this package imports Keras inside its ``build`` function only.
"""

from topodepth.registry import Registry

registry = Registry(__name__, "architecture")
register = registry.register
