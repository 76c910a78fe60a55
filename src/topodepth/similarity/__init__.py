"""How alike two clouds of the same images are: kernels, rotations, neighbours, trees and diagrams.

A measure is called as ``measure(a, b, **settings)`` with two :class:`Side` whose rows are the same images, and returns
a number. It is symmetric. Adding one = a function in a module here with ``@register("name", distance=…)``: whether 0
says "the same" (a distance) or 1 does (a similarity). ``paired=False`` says that it does not depend on which point of
one side belongs to which of the other, so that images in another order are no null model of it.
"""

from topodepth.registry import Registry
from topodepth.similarity.side import IMAGES, PAIRS, WHOLE, Side

registry = Registry(__name__, "measure of similarity")
register = registry.register

__all__ = ["IMAGES", "PAIRS", "WHOLE", "Side", "register", "registry"]
