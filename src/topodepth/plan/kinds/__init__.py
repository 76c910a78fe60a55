"""The kinds of experiment: one module for each, a class with ``@register("name of the kind")``."""

from topodepth.registry import Registry

registry = Registry(__name__, "kind of experiment")
register = registry.register
