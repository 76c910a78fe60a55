"""An archive from a stranger is unpacked whole and within its folder, or refused by the name of the member."""

import bz2
import gzip
import io
import lzma
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import warnings
import zipfile

import pytest
from drive_server import wait_for

from topodepth.errors import InputError
from topodepth.files import archives, assets

PLAIN = {"a.txt": b"first", "sub/deep/b.bin": bytes(range(256)) * 5000, "sub/empty": b""}


def zipped(path, members):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        warnings.simplefilter("ignore")  # of names that occur twice
        for name, content in members:
            file.writestr(name, content)
    return path


def tarred(path, members, mode="w:gz"):
    """Members are (name, content), or (name, attributes of a TarInfo)."""
    with tarfile.open(path, mode) as file:
        for name, content in members:
            info = tarfile.TarInfo(name)
            for key, value in content.items() if isinstance(content, dict) else ():
                setattr(info, key, value)
            data = content if isinstance(content, bytes) else b""
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive, tmp_path, **limits):
    """Unpack in vain: the folder does not appear, nothing is left, nothing beside it is made; return the one line."""
    place = tmp_path / "place"
    place.mkdir(exist_ok=True)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(InputError) as caught:
        assets.unpack(archive, place / "folder", **limits)
    assert os.listdir(place) == []
    assert sorted(os.listdir(tmp_path)) == before
    message = str(caught.value)
    assert message.isprintable()
    assert str(archive) in message
    return message


@pytest.mark.parametrize("mode", ["zip", "w:", "w:gz", "w:bz2", "w:xz"])
def test_zip_and_tar_of_all_kinds_come_out_as_they_went_in(tmp_path, mode):
    archive = tmp_path / "archive.data"  # the name says nothing
    if mode == "zip":
        zipped(archive, [("sub/", b""), *PLAIN.items()])
    else:
        tarred(archive, [("./sub", {"type": tarfile.DIRTYPE}), *PLAIN.items()], mode)
    assets.unpack(archive, tmp_path / "place/folder")
    assert tree(tmp_path / "place/folder") == PLAIN
    assert os.listdir(tmp_path / "place") == ["folder"]


@pytest.mark.parametrize("make", [zipped, tarred])
def test_backslashes_of_an_archive_made_on_windows_are_slashes(tmp_path, make):
    archive = make(tmp_path / "a", [("models\\first.h5", b"1"), ("models/second.h5", b"2"), ("a\\b/c", b"3")])
    assets.unpack(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == {"models/first.h5": b"1", "models/second.h5": b"2", "a/b/c": b"3"}


OUT = ["/abs", "../out", "sub/../../out", "..", "a/..", "C:/x", "C:x",
       "sub\\..\\..\\out", "..\\out", "\\abs", "C:\\x", "sub\\..\\out", "\\\\host\\x"]  # fmt: skip


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize("name", OUT)
def test_a_path_that_leads_out_is_refused(tmp_path, make, name):
    message = refused(make(tmp_path / "a", [("good", b"1"), (name, b"2")]), tmp_path)
    assert archives.printable(name) in message
    assert "refused" in message


def symlink(target):
    return {"type": tarfile.SYMTYPE, "linkname": target}


def hardlink(target):
    return {"type": tarfile.LNKTYPE, "linkname": target}


@pytest.mark.parametrize(
    "members",
    [
        [("evil", symlink("/etc/passwd"))],
        [("evil", symlink("../../outside"))],
        [("sub/evil", symlink("../../outside"))],
        [("x/evil", symlink("../..")), ("x/evil/y", b"")],
        [("up", symlink("p/..")), ("evil", symlink("nowhere"))],
        [("p/q/evil", symlink("../..")), ("z", symlink("p/q/evil/../../outside"))],
        [("evil", symlink("evil"))],
        [("evil", symlink(""))],
        [("dir", symlink("sub")), ("sub/ok", b"1"), ("dir/evil", b"2")],
        [("sub/ok", b"1"), ("evil", symlink("sub")), ("evil", b"2")],
        [("evil", b"1"), ("evil", symlink("other")), ("other", b"1")],
        [("evil", hardlink("/etc/passwd"))],
        [("evil", hardlink("../../outside"))],
        [("evil", hardlink("none"))],
        [("ok", b"1"), ("link", symlink("ok")), ("evil", hardlink("link"))],
        [("ok", b"1"), ("evil", b"2"), ("evil", hardlink("ok"))],
    ],
)
def test_a_link_that_leads_out_or_to_nothing_or_is_written_through_is_refused(tmp_path, members):
    (tmp_path / "outside").write_text("secret")
    message = refused(tarred(tmp_path / "a.tar.gz", members), tmp_path)
    assert "refused" in message
    assert (tmp_path / "outside").read_text() == "secret"


def test_a_link_through_links_that_leads_out_is_refused(tmp_path):
    """By its text z stays within; but p/q/x is the root, and .. of it is not."""
    (tmp_path / "place").mkdir()
    (tmp_path / "outside").write_text("secret")
    members = [("p/q/x", symlink("../..")), ("p/q/outside", b"bait"), ("z", symlink("p/q/x/../../outside"))]
    archive = tarred(tmp_path / "a.tar", [*members, ("p/outside", b"bait"), ("outside", b"bait")], "w:")
    message = refused(archive, tmp_path)
    assert "member 'z'" in message


def test_links_within_the_archive_are_kept(tmp_path):
    members = [("sub/a", b"1"), ("link", symlink("sub/a")), ("sub/up", symlink("../sub")), ("hard", hardlink("sub/a"))]
    assets.unpack(tarred(tmp_path / "a.tar", members, "w:"), tmp_path / "folder")
    assert (tmp_path / "folder/link").read_bytes() == (tmp_path / "folder/hard").read_bytes() == b"1"
    assert (tmp_path / "folder/link").is_symlink()
    assert (tmp_path / "folder/sub/up/a").read_bytes() == b"1"


def test_a_link_in_a_zip_is_held_to_the_same(tmp_path):
    def with_link(target):
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        return zipped(tmp_path / "a.zip", [("sub/a", b"1"), (entry, target)])

    assert "member 'link'" in refused(with_link("../../outside"), tmp_path)
    assets.unpack(with_link("sub/a"), tmp_path / "folder")
    assert (tmp_path / "folder/link").read_bytes() == b"1"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_refused(tmp_path, kind):
    assert "member 'dev'" in refused(tarred(tmp_path / "a.tar", [("dev", {"type": kind})], "w:"), tmp_path)
    entry = zipfile.ZipInfo("dev")
    entry.external_attr = (stat.S_IFCHR | 0o666) << 16
    assert "member 'dev'" in refused(zipped(tmp_path / "a.zip", [(entry, b"")]), tmp_path)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_two_members_of_one_name_must_be_the_same(tmp_path, make):
    assets.unpack(make(tmp_path / "same", [("a", b"1"), ("./a", b"1")]), tmp_path / "folder")
    assert tree(tmp_path / "folder") == {"a": b"1"}
    for second in (b"2", b"", b"11"):
        message = refused(make(tmp_path / "a", [("a", b"1"), ("a", second)]), tmp_path)
        assert "occurs twice with different content" in message
    for members in ([("a", b"1"), ("a/b", b"2")], [("a/b", b"1"), ("a", b"2")]):
        assert "member 'a" in refused(make(tmp_path / "a", members), tmp_path)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_what_comes_out_is_counted(tmp_path, make):
    archive = make(tmp_path / "a", [("one", bytes(60_000)), ("two", bytes(60_000))])
    assert "member 'two': more than 100000 bytes" in refused(archive, tmp_path, max_bytes=100_000)
    assert "member 'two': more than 1 files" in refused(archive, tmp_path, max_files=1)
    deep = make(tmp_path / "a", [("/".join("d" * 50), b"")])
    assert "more than 20 files" in refused(deep, tmp_path, max_files=20)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_an_archive_that_swells_is_refused(tmp_path, make):
    archive = make(tmp_path / "a", [("bomb", bytes(80 << 20))])
    assert "member 'bomb'" in refused(archive, tmp_path)


def test_a_zip_that_lies_about_its_size_is_counted_by_what_comes_out(tmp_path):
    content = bytearray(zipped(tmp_path / "a.zip", [("bomb", bytes(1_000_000))]).read_bytes())
    real = (1_000_000).to_bytes(4, "little")
    assert content.count(real) >= 2
    (tmp_path / "a.zip").write_bytes(content.replace(real, (10).to_bytes(4, "little")))
    assert "member 'bomb'" in refused(tmp_path / "a.zip", tmp_path, max_bytes=100_000)


def test_a_sparse_member_is_counted_by_what_comes_out(tmp_path):
    info = tarfile.TarInfo("sparse")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse",
                        "GNU.sparse.realsize": str(10**12)}  # fmt: skip
    content = b"1\n0\n1\n".ljust(512, b"\0") + b"x"
    info.size = len(content)
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as file:
        file.addfile(info, io.BytesIO(content))
    assert "sparse" in refused(tmp_path / "a.tar", tmp_path, max_bytes=10**9)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_header_that_would_fill_the_memory_is_refused(tmp_path, kind):
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, 50 << 30
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))
    assert "a header of" in refused(tmp_path / "a.tar", tmp_path)


@pytest.mark.parametrize("mode", ["zip", "w:", "w:gz", "w:bz2", "w:xz"])
def test_an_archive_cut_anywhere_is_refused(tmp_path, mode):
    archive = tmp_path / "a"
    members = [("a", os.urandom(3000)), ("b", os.urandom(3000)), ("c/d", os.urandom(3000))]
    content = (zipped(archive, members) if mode == "zip" else tarred(archive, members, mode)).read_bytes()
    cuts = {0, 1, 100, 512, 3584, 4096, 7680, 8192, len(content) // 2}
    if mode != "w:":  # a plain tar ends in zeros of which not all are needed
        cuts |= {len(content) - 1, len(content) - 5}
    assert len(cuts) > 5
    for cut in cuts:
        archive.write_bytes(content[:cut])
        refused(archive, tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"\x1f\x8b", gzip.compress(b"no", mtime=0), bz2.compress(b""), lzma.compress(bytes(100)), b"PK"],
)
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert "not a complete, readable archive" in refused(tmp_path / "a", tmp_path)


def test_a_flipped_bit_is_found(tmp_path):
    noise = os.urandom(1000)
    for archive in (zipped(tmp_path / "a.zip", [("a", noise)]), tarred(tmp_path / "a.tar.gz", [("a", noise)])):
        content = bytearray(archive.read_bytes())
        content[len(content) // 2] ^= 1
        archive.write_bytes(content)
        assert "not a complete, readable archive" in refused(archive, tmp_path)


def test_an_encrypted_zip_is_refused(tmp_path):
    content = bytearray(zipped(tmp_path / "a.zip", [("a", b"1")]).read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    assert "encrypted" in refused(tmp_path / "a.zip", tmp_path)


def test_a_missing_archive_and_a_folder_in_the_way_are_named(tmp_path):
    assert "no such file" in refused(tmp_path / "none.zip", tmp_path)
    (tmp_path / "folder").mkdir()
    archive = zipped(tmp_path / "a.zip", PLAIN.items())
    assets.unpack(archive, tmp_path / "folder")  # an empty folder is as good as none
    with pytest.raises(InputError, match="already there"):
        assets.unpack(archive, tmp_path / "folder")
    assert tree(tmp_path / "folder") == PLAIN


def test_names_that_rewrite_the_terminal_are_shown_harmlessly(tmp_path):
    assert r"\x1b[2J" in refused(tarred(tmp_path / "a.tar", [("../\x1b[2J\n\udcff", b"")], "w:"), tmp_path)


def test_rights_of_the_archive_are_not_taken_over(tmp_path):
    members = [("a", {"mode": 0o6777}), ("d", {"type": tarfile.DIRTYPE, "mode": 0o000}), ("d/b", {"mode": 0o000})]
    assets.unpack(tarred(tmp_path / "a.tar", members, "w:"), tmp_path / "folder")
    (tmp_path / "other").mkdir()
    assert (tmp_path / "folder").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert (tmp_path / "folder/a").stat().st_mode & 0o7111 == 0
    assert (tmp_path / "folder/d/b").stat().st_mode & 0o600 == 0o600


def test_a_full_disk_names_the_member(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    archive = zipped(tmp_path / "a.zip", [("a", b"1")])
    monkeypatch.setattr(archives._Unpacking, "_count", full)
    assert "member 'a': cannot be unpacked: No space left on device" in refused(archive, tmp_path)


def test_a_killed_job_leaves_no_folder_and_the_next_one_clears_up(tmp_path):
    archive = zipped(tmp_path / "a.zip", [(f"{number:03}", os.urandom(100)) for number in range(300)])
    place = tmp_path / "place"
    slow = "import time; from topodepth.files import archives as a; f = a._Unpacking.file; " \
           "a._Unpacking.file = lambda *x: (time.sleep(0.02), f(*x)); import sys; a.unpack(*sys.argv[1:])"  # fmt: skip
    job = subprocess.Popen([sys.executable, "-c", slow, str(archive), str(place / "folder")])
    wait_for(lambda: any(place.glob(".folder.*.unpacking/000")))
    with pytest.raises(InputError, match="another process"):
        assets.unpack(archive, place / "folder")
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert not (place / "folder").exists()
    assert any(place.glob(".folder.*.unpacking"))
    assets.unpack(archive, place / "folder")
    assert os.listdir(place) == ["folder"]
    assert len(tree(place / "folder")) == 300


@pytest.mark.parametrize("name", ["data[1]", "da*a", "d?"])
def test_clearing_up_spares_what_only_looks_alike(tmp_path, name):
    near = tmp_path / ".data1.x.unpacking"
    near.mkdir()
    assets.unpack(zipped(tmp_path / "a.zip", PLAIN.items()), tmp_path / name)
    assert near.is_dir()
    shutil.rmtree(near)
