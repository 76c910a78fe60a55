"""One page of a run that opens in a browser: choose a network, a layer and a class, and see what was measured there.

:mod:`~topodepth.figures.explore.layers` gathers what is shown of the layers of one network,
:mod:`~topodepth.figures.explore.data` joins that with tables, sentences and images, and
:mod:`~topodepth.figures.explore.page` writes all of it into one file, with the plotting library inside.
"""
