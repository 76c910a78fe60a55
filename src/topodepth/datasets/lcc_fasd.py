"""LCC FASD, faces and spoofs for face anti-spoofing: about 18,000 PNG images of many sizes in two classes.

Source: Timoshenko et al. (2019), Large crowdcollected facial anti-spoofing dataset, CSIT 2019.
"""

from pathlib import Path

from topodepth.datasets import register
from topodepth.datasets._files import file_form, labelled, open_files, subfolders
from topodepth.errors import InputError

PARTS = {"train": "LCC_FASD_training", "validation": "LCC_FASD_development", "test": "LCC_FASD_evaluation"}
CLASSES = ["real", "spoof"]


@register(
    "lcc_fasd",
    source="the folder with LCC_FASD_training, LCC_FASD_development and LCC_FASD_evaluation",
    shape=file_form,
)
def load(
    source: Path,
    *,
    size: int | None = 64,
    validation: float = 0.1,
    test: float = 0.15,
    seed: int = 0,
    channels: int = 3,
    skip_unreadable: bool = False,
) -> tuple[dict, list[str]]:
    """Return the faces, decoded as they are read; the source's three parts become the three splits.

    Parameters
    ----------
    source
        The folder, or the one that holds it.
    size
        Resize to ``size`` × ``size``, whatever the sides were; the images have many sizes, so None would be refused.
    validation, test, seed
        Not used: the source has all splits.
    channels, skip_unreadable
        As for :func:`topodepth.datasets.images_folder.load`.

    Returns
    -------
    tuple
        Splits and the class names real and spoof; positions count each part's files in the order of their names,
        real ones first.

    Raises
    ------
    InputError
        If a part or class is missing or empty, images cannot be read, or a link leads out of the folder.
    """
    source = Path(source)
    root = next((folder for folder in _near(source) if (folder / PARTS["train"]).is_dir()), source)
    splits = {}
    for split, part in PARTS.items():
        classes = subfolders(root / part, root) if part in _folders(root) else {}
        if not classes.keys() >= set(CLASSES):
            raise InputError(
                f"{root / part}: expected the folders real and spoof. Received: {', '.join(classes) or 'none'}."
            )
        splits[split] = labelled({name: classes[name] for name in CLASSES}, CLASSES, root)
    return open_files(root, splits, size=size, channels=channels, skip_unreadable=skip_unreadable), list(CLASSES)


def _folders(folder: Path) -> dict[str, Path]:
    return subfolders(folder, folder) if folder.is_dir() else {}


def _near(source: Path) -> list[Path]:
    return [source, *_folders(source).values()]
