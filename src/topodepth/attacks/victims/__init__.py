"""A trained network as what is attacked, one file per kind, as in :mod:`topodepth.networks.openers`.

An entry ``(source, layers, sample, settings)`` returns a :class:`topodepth.attacks.victim.Victim`, and the same model
as a :class:`topodepth.networks.network.Network` with its scores, which measures what the attack made.
"""

from topodepth.registry import Registry

registry = Registry(__name__, "kind of victim")
register = registry.register
