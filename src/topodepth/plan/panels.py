"""Which descriptors figures show: those that ``figures: panels`` names, of what an experiment measures."""

from collections.abc import Iterable, Mapping

from topodepth.errors import InputError, unknown_name
from topodepth.topology import descriptors

Panel = tuple[str, int | None]  # descriptor and homology dimension; an estimate of dimension has none of its own


def measured(topology: Mapping, dimension: Mapping | None) -> list[Panel]:
    """Return what settings of topology, and of dimension where it is estimated, give a panel for.

    What is constant whatever the data, such as the peak of the Betti curve of H_0, has none.
    """
    degrees = range(topology["max_dim"] + 1)
    pairs: list[Panel] = [(name, degree) for name in topology["descriptors"] for degree in degrees]
    estimates: list[Panel] = [(name, None) for name in (dimension or {}).get("estimators", ())]
    return [pair for pair in pairs if pair not in descriptors.CONSTANT] + estimates


def chosen(names: Iterable[str], known: Iterable[Panel]) -> list[Panel]:
    """Return the panels that names stand for, in order: ``longest_bar H1``, or ``longest_bar`` for all its dimensions.

    Raises
    ------
    InputError
        If nothing known has that name; the known ones are listed.
    """
    by_name: dict[str, list[Panel]] = {}
    for panel in dict.fromkeys(known):
        for name in {panel[0], panel[0] if panel[1] is None else f"{panel[0]} H{panel[1]}"}:
            by_name.setdefault(name, []).append(panel)
    for name in names:
        if name not in by_name:
            raise InputError(
                f"config key 'figures.panels': {unknown_name('panel', name, by_name)} They are what the experiments "
                "measure: topology.descriptors up to H of topology.max_dim, dimension.estimators, and trajectories "
                "that are recorded."
            )
    return list(dict.fromkeys(panel for name in names for panel in by_name[name]))
