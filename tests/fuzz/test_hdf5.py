"""HDF5 from outside, damaged: activations, diagrams, data sets. Read by the same functions as the scripts use."""

import contextlib

import numpy as np
import pytest

from tests.fuzz import files
from tests.fuzz.damage import damaged_bytes
from tests.fuzz.harness import SENTINEL, fuzz
from topodepth import datasets
from topodepth.activations.file import read_activations, validate
from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.tables import tables
from topodepth.tables.values import values_of
from topodepth.topology import diagrams


def use_activations(path):
    """As check_activations.py and compute_diagrams.py do."""
    problems = validate(path)
    assert all(isinstance(problem, str) and "\n" not in problem for problem in problems)
    found = read_activations(path)
    for layer in found.layers:
        found.place(layer.token)
        for points in (found.points(layer.token), *found.shuffled(layer.token)):
            assert SENTINEL not in points.tobytes()
    assert found.labels is None or len(found.labels) == found.n


def use_diagrams(path):
    """As describe_model.py and tabulate_diagrams.py do."""
    file = diagrams.read_diagrams(path)
    rows = tables.descriptor_rows(file, values_of(file, ["lifespan_sum", "betti_peak"], {}))
    assert rows
    tables.bar_rows(file)
    tables.betti_rows(file, points=10)


def read_dataset(path):
    """As draw_sample.py and evaluate_model.py do."""
    with hdf5.open_h5(path) as file:
        found = datasets.DataSet(file)
        with contextlib.suppress(InputError):
            found.normaliser("unit")
        normalise = found.normaliser("channel")
        for split in datasets.SPLITS:
            datasets.draw_sample(found.labels(split), 3, 0)
            assert SENTINEL not in np.asarray(normalise(found.images(split)[:2])).tobytes()


def load_hdf5(path, out):
    """As a plan and prepare_dataset.py do."""
    with contextlib.suppress(InputError):
        datasets.form("hdf5", path, {})
    splits, names = datasets.load("hdf5", path, {"validation": 0.3, "test": 0.3})
    datasets.write_dataset(out, splits, names)
    assert SENTINEL not in out.read_bytes()


CASES = {
    "activations": (files.activations, lambda path, _: use_activations(path)),
    "diagrams": (files.diagrams, lambda path, _: use_diagrams(path)),
    "data set file": (files.dataset, lambda path, _: read_dataset(path)),
    "hdf5": (files.hdf5, load_hdf5),
}


@pytest.mark.parametrize("kind", CASES)
def test_the_whole_files_are_read(kind, scratch):
    make, read = CASES[kind]
    for content in make():
        read(scratch.file(content), scratch.out())


@pytest.mark.parametrize("kind", CASES)
def test_a_heap_on_which_the_library_walks_for_ever_is_refused(kind, scratch):
    make, read = CASES[kind]
    content = bytearray(make()[0])
    heap = content.find(b"GCOL")
    assert heap > 0
    content[heap + 16 : heap + 32] = bytes(16)  # an entry of free space, of no length
    with pytest.raises(InputError, match="damaged sizes"):
        read(scratch.file(bytes(content)), scratch.out())


@pytest.mark.parametrize("kind", CASES)
def test_hdf5_with_damaged_bytes(kind, scratch):
    make, read = CASES[kind]
    fuzz(f"{kind}, bytes", damaged_bytes(make()), lambda content: read(scratch.file(content), scratch.out()))


@pytest.mark.parametrize("kind", CASES)
def test_hdf5_with_a_damaged_structure(kind, scratch):
    make, read = CASES[kind]
    wholes = make()
    fuzz(
        f"{kind}, structure",
        scratch.structures(wholes),
        lambda steps: read(scratch.file(steps, wholes), scratch.out()),
        refused=0.3,
    )


@pytest.mark.parametrize("kind", CASES)
def test_nothing_is_read_through_a_link_that_would_fit(kind, scratch):
    """Every data set in turn is a link to one just like it in another file."""
    import h5py

    make, read = CASES[kind]
    whole = make()[0]
    (scratch.other.parent / "twin.h5").write_bytes(whole)
    names = []
    with h5py.File(scratch.other.parent / "twin.h5") as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    assert names
    for name in names:
        path = scratch.file(whole)
        with h5py.File(path, "a") as file:
            del file[name]
            file[name] = h5py.ExternalLink(str(scratch.other.parent / "twin.h5"), name)
        if (kind, name) == ("hdf5", "class_names"):
            with contextlib.suppress(InputError):
                read(path, scratch.out())
            continue
        with pytest.raises(InputError, match="a link"):
            read(path, scratch.out())
    (scratch.other.parent / "twin.h5").unlink()
