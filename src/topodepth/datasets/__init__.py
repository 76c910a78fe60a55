"""Data sets, one file each, made known with ``@register(name)``."""

from topodepth.registry import Registry

registry = Registry(__name__, "data set")
register = registry.register
