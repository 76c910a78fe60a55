"""Files of other formats, damaged: data sets, images, archives, tables; read by the functions that the scripts use."""

import contextlib
import io
import shutil

import numpy as np
import pytest

from tests.fuzz import files
from tests.fuzz.damage import damaged_bytes
from tests.fuzz.harness import SENTINEL, fuzz
from topodepth import datasets
from topodepth.errors import InputError
from topodepth.figures import frame
from topodepth.files import archives, assets, texts


def prepared(loader, source, out, **options):
    """As a plan and prepare_dataset.py do."""
    with contextlib.suppress(InputError):
        datasets.form(loader, source, options)
    splits, names = datasets.load(loader, source, {"validation": 0.3} | options)
    datasets.write_dataset(out, splits, names)
    assert SENTINEL not in out.read_bytes()


def load_npz(scratch, content):
    prepared("npz", scratch.file(content, name="file.npz"), scratch.out(), test=0.3)


def load_svhn(scratch, content):
    scratch.file(content, name="train_32x32.mat")
    scratch.file(files.svhn()[0], name="test_32x32.mat")
    prepared("svhn", scratch.inside, scratch.out(), validation=0.5)


def load_cifar10(scratch, content):
    prepared("cifar10", scratch.file(content), scratch.out())


def load_buildings(scratch, content):
    prepared("buildings", scratch.file(content), scratch.out(), test=0.3)


def load_images(scratch, content):
    for name in ("a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png", "b/3.png"):
        (scratch.inside / name).parent.mkdir(exist_ok=True)
        (scratch.inside / name).write_bytes(content)
    prepared("images_folder", scratch.inside, scratch.out(), size=4, test=0.3)


def unpack(scratch, content):
    folder = scratch.out("folder")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        archives.unpack(scratch.file(content), folder)
    finally:
        found = [path for path in scratch.inside.rglob("*") if path.name != "file"]
        for path in found:
            assert path.resolve().is_relative_to(folder), path
    for path in found:
        assert not path.is_file() or SENTINEL not in path.read_bytes()


def read_table(scratch, content):
    table = texts.read_table(scratch.file(content))
    texts.write_table(scratch.out(), table.to_dict("records"), list(table.columns))
    frame.tidy(table, ["model", "value", "relative_depth"], "depth")


def read_lock(scratch, content):
    entries = assets._read_lock(scratch.file(content, name="lock.json"))
    assert all(isinstance(entry["size"], int) for entry in entries.values())


CASES = {
    "npz": (files.npz, load_npz, 0.5),
    "svhn": (files.svhn, load_svhn, 0.2),  # most of it is pixels, of which any are good
    "cifar10": (files.cifar10, load_cifar10, 0.5),
    "buildings": (files.buildings, load_buildings, 0.5),
    "images": (files.images, load_images, 0.5),
    "archives": (files.archives, unpack, 0.5),
    "tables": (files.table, read_table, 0.1),  # any text without line ends is a table
    "json": (files.lock, read_lock, 0.5),
}


@pytest.mark.parametrize("kind", CASES)
def test_the_whole_files_are_read(kind, scratch):
    make, read, _ = CASES[kind]
    whole = make()[:1] if kind == "tables" else make()
    for content in whole:
        read(scratch, content)


@pytest.mark.parametrize("kind", CASES)
def test_files_with_damaged_bytes(kind, scratch):
    make, read, refused = CASES[kind]
    fuzz(f"{kind}, bytes", damaged_bytes(make()), lambda content: read(scratch, content), refused)


class Response:
    """What a server answers, as far as the downloads look at it."""

    url = "https://drive.google.com/uc?id=abcdefghijk"

    def __init__(self, content):
        self.status_code = 200 + content[0] % 7 if content else 200
        self.raw = self
        self.stream = io.BytesIO(content)
        text = content[:60].decode("latin-1")
        self.headers = {"Content-Range": f"bytes {text}", "Content-Length": text, "ETag": text}

    def read(self, size, decode_content):
        return self.stream.read(size)

    def close(self):
        pass


def test_pages_of_google_drive_damaged(scratch):
    from topodepth.files import downloads

    part = downloads.Part(scratch.out("asset"), downloads.Source(Response.url, "abcdefghijk"))

    def read(content):
        answer = Response(content)
        with contextlib.suppress(downloads.UnavailableError, downloads.CutError):
            downloads._total(answer, part, 0)
        try:
            address = downloads._confirmed(answer)
        except downloads.UnavailableError as error:
            raise InputError(error) from error  # how a download that failed ends
        if not downloads._may_follow(Response.url, address):
            raise InputError("leads to an address that is not encrypted")

    fuzz("drive pages, bytes", damaged_bytes(files.drive_pages()), read, refused=0.3)


@pytest.mark.parametrize("width", [19, 5000])
def test_a_server_that_claims_numbers_of_any_length_is_refused(scratch, width):
    from topodepth.files import downloads

    part = downloads.Part(scratch.out("asset"), downloads.Source("https://example.org/a"))
    for status, header in (
        (206, {"Content-Range": f"bytes 0-1/{'9' * width}"}),
        (200, {"Content-Length": "9" * width}),
    ):
        answer = Response(b"")
        answer.status_code, answer.headers = status, header
        with pytest.raises((downloads.CutError, downloads.UnavailableError)):
            downloads._total(answer, part, 0)


def test_a_message_cannot_rewrite_the_terminal_or_fill_it():
    text = str(InputError("a\x1b[2J\nb\u202ec\r" + "d" * 100_000))
    assert text.startswith("a\\x1b[2J b\\u202ec d")
    assert len(text) < 5000


def test_arrays_of_objects_in_a_matlab_file_are_refused(scratch):
    from scipy.io import savemat

    stream = io.BytesIO()
    savemat(stream, {"X": np.full((32, 32, 3, 2), "text", dtype=object), "y": np.ones((2, 1))})
    with pytest.raises(InputError, match=r"train_32x32.mat: expected"):
        load_svhn(scratch, stream.getvalue())
