"""The state of a training run on disk: one directory an epoch, whole or not there at all, only the newest kept."""

import json
import os
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

PREFIX = "epoch_"


def save(folder: str | Path, epoch: int, fingerprint: str, groups: dict[str, list[np.ndarray]], record: dict) -> None:
    """Write the state after ``epoch`` and delete older ones; a kill at any moment leaves a whole one behind.

    Parameters
    ----------
    folder
        Directory of the run's checkpoints, made if absent.
    epoch
        Number of epochs done.
    fingerprint
        Digest of all that the state depends on.
    groups
        Lists of arrays by name: weights, optimizer state …
    record
        Everything else that JSON can hold.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{PREFIX}{epoch:05d}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    arrays: dict[str, Any] = {
        f"{name}_{k:05d}": array for name, group in groups.items() for k, array in enumerate(group)
    }
    with (part / "state.npz").open("wb") as handle:
        np.savez(handle, **arrays)
        handle.flush()
        os.fsync(handle.fileno())
    with (part / "state.json").open("w", encoding="utf-8") as handle:
        json.dump({"epoch": epoch, "fingerprint": fingerprint, "record": record}, handle)
        handle.flush()
        os.fsync(handle.fileno())
    final = folder / f"{PREFIX}{epoch:05d}"
    shutil.rmtree(final, ignore_errors=True)
    os.rename(part, final)
    for other in folder.glob(f"{PREFIX}*"):
        if other != final:
            shutil.rmtree(other, ignore_errors=True)


def load(folder: str | Path, fingerprint: str) -> tuple[dict[str, list[np.ndarray]], dict] | None:
    """Return the groups and the record of the newest state with this fingerprint, or None if there is none."""
    for path in sorted(Path(folder).glob(f"{PREFIX}*"), reverse=True):
        try:
            state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            with np.load(path / "state.npz", allow_pickle=False) as file:
                arrays = {key: file[key] for key in sorted(file.files)}
        except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error):
            continue  # damaged: an older one, or a fresh start, is right and only slower
        if state["fingerprint"] != fingerprint:
            continue
        groups: dict[str, list[np.ndarray]] = {}
        for key, array in arrays.items():
            groups.setdefault(key.rpartition("_")[0], []).append(array)
        return groups, state["record"]
    return None
