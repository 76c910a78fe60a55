"""Any folder of PNG or JPEG images by class: ``{class}/…`` or ``{train,validation,test}/{class}/…``."""

from pathlib import Path
from typing import Any

import numpy as np

from topodepth.datasets import SPLITS, random_split, register, three_splits
from topodepth.datasets._files import file_form, labelled, open_files, subfolders
from topodepth.errors import InputError
from topodepth.files.kinds import kind_of


@register(
    "images_folder",
    source="a folder with a folder of images a class, or with train, test and such folders in them",
    shape=file_form,
)
def load(
    source: Path,
    *,
    size: int | None = None,
    validation: float = 0.1,
    test: float = 0.15,
    seed: int = 0,
    channels: int = 3,
    skip_unreadable: bool = False,
) -> tuple[dict, list[str]]:
    """Return the images of a folder, decoded as they are read; classes are numbered in the order of their names.

    Parameters
    ----------
    source
        The folder: ``{class}/*.png`` at any depth, or ``train/{class}``, ``test/{class}`` and perhaps ``validation``.
    size
        Resize to ``size`` × ``size``, whatever the sides were; None keeps the size that all images then must share.
    validation, test
        Fractions of each class, where the folder has no such split.
    seed
        Seed of the split.
    channels
        3 (colour) or 1 (grey); transparency is shown on white.
    skip_unreadable
        Leave out images that cannot be read instead of refusing the folder.

    Returns
    -------
    tuple
        Splits and class names; positions count each split's files (or all) in the order of their names.

    Raises
    ------
    InputError
        If there are no classes, a class has no images, images cannot be read or differ in size without ``size``, or a
        link leads out of the folder.
    """
    source = Path(source)
    folders = subfolders(source, source) if source.is_dir() else {}
    options: dict[str, Any] = {"size": size, "channels": channels, "skip_unreadable": skip_unreadable}
    if not {"train", "test"} <= folders.keys():
        names = _several(source, folders)
        images, labels = open_files(source, {"all": labelled(folders, names, source)}, **options)["all"]
        parts = {"train": 0, "validation": validation, "test": test}
        return random_split(images, labels, parts, np.random.default_rng(seed)), names
    inner = {split: subfolders(folders[split], source) for split in SPLITS if split in folders}
    names = _several(folders["train"], inner["train"])
    for split, classes in inner.items():
        if not classes or not classes.keys() <= set(names):
            raise InputError(
                f"{folders[split]}: expected classes of the training images: {', '.join(names)}. "
                f"Received: {', '.join(classes) or 'none'}."
            )
    splits = open_files(source, {split: labelled(inner[split], names, source) for split in inner}, **options)
    if "validation" not in splits:
        splits = three_splits(splits["train"], splits["test"], validation=validation, seed=seed)
    return splits, names


def _several(folder: Path, classes: dict[str, Path]) -> list[str]:
    if len(classes) < 2:
        received = ", ".join(map(repr, classes)) or ("no folders" if folder.is_dir() else kind_of(folder))
        raise InputError(
            f"{folder}: expected a folder with a folder of images for each of two or more classes. "
            f"Received: {received}. Put the images of each class in a folder of its own."
        )
    return list(classes)
