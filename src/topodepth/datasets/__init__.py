"""Data sets, one file each, made known with ``@register(name)``; every one becomes the same kind of HDF5 file.

A loader is a function ``load(source, *, size, validation, test, seed, **options) -> (splits, class_names)``. ``source``
is the path of a file or an unpacked folder, described by ``@register(name, source="…")``, or None where the images come
with a package. ``splits`` maps ``train``, ``validation`` and ``test`` to ``(images, labels)``: uint8 (n, height, width,
channels), or other real numbers (n, …), an array or :class:`~topodepth.datasets._images.Items` read when sliced, and
int64 (n,). ``@register(name, shape=…)`` says what one item will be before anything is read: see :func:`form`.
"""

from topodepth.datasets._images import ArrayImages
from topodepth.datasets._loading import Form, form, images_only, load, register, registry, source_sha256
from topodepth.datasets._normalisation import Normaliser, normaliser
from topodepth.datasets._opened import DataSet, open_dataset
from topodepth.datasets._splits import draw_sample, random_split, take, three_splits
from topodepth.datasets._writing import SPLITS, write_dataset

__all__ = [
    "SPLITS",
    "ArrayImages",
    "DataSet",
    "Form",
    "Normaliser",
    "draw_sample",
    "form",
    "images_only",
    "load",
    "normaliser",
    "open_dataset",
    "random_split",
    "register",
    "registry",
    "source_sha256",
    "take",
    "three_splits",
    "write_dataset",
]
