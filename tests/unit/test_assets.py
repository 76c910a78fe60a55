"""A file comes whole and right, or not at all: continued, verified, recorded, put in place by hand."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from drive_server import CONTENT, SHA256, Server, wait_for

from topodepth.errors import InputError
from topodepth.files import assets, downloads

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/fetch_asset.py"
LARGE = "large_0123456789"


# continuing


def run_script(tmp_path, out, **settings):
    command = [sys.executable, str(SCRIPT), "--name", "mine", "--lock", str(tmp_path / "lock.json"), "--out", str(out)]
    return subprocess.Popen([*command, "--settings", json.dumps(settings)], stderr=subprocess.PIPE, text=True)


def test_a_killed_download_leaves_no_file_and_is_continued(fetch, server, tmp_path):
    part = fetch.out.with_name(".file.h5.part")
    job = run_script(tmp_path, fetch.out, urls=[f"{server.url}/stall/200000"])
    wait_for(lambda: part.is_file() and part.stat().st_size > 100_000)
    job.send_signal(signal.SIGKILL)
    job.communicate()
    assert not fetch.out.exists()
    assert not (tmp_path / "lock.json").exists()
    came = part.stat().st_size
    assert came < len(CONTENT)
    server.seen.clear()
    # the same address, whose server now goes on
    notes = part.with_name(part.name + ".json")
    notes.write_text(notes.read_text().replace("/stall/200000", "/mirror"))
    assert fetch("mirror") == CONTENT
    assert server.seen == [("/mirror", f"bytes={came}-")]


@pytest.fixture
def half(fetch):
    """A part file of an earlier run: the first half, from the first of the two mirrors."""

    def make(content=CONTENT[:150_000], **notes):
        fetch.out.parent.mkdir(exist_ok=True)
        fetch.out.with_name(".file.h5.part").write_bytes(content)
        notes = {"total": len(CONTENT), "validator": '"v1"', **notes}
        fetch.out.with_name(".file.h5.part.json").write_text(json.dumps(notes))

    return make


def test_a_file_that_changed_meanwhile_comes_again_from_the_start(fetch, server, half):
    half(b"x" * 150_000, url=f"{server.url}/mirror", validator='"v0"')
    assert fetch("mirror") == CONTENT
    assert server.seen == [("/mirror", "bytes=150000-")]  # asked for the rest if unchanged, given all
    fetch.out.unlink()
    half(b"x" * 150_000, url=f"{server.url}/heedless", validator='"v0"')
    assert fetch("heedless") == CONTENT  # a server that gives the rest all the same


def test_parts_of_two_sources_are_joined_only_under_a_checksum(fetch, server, half):
    half(url="https://elsewhere.example/file")
    assert fetch("mirror") == CONTENT
    assert server.seen == [("/mirror", None)]
    fetch.out.unlink()
    server.seen.clear()
    half(url="https://elsewhere.example/file")
    assert fetch("mirror", sha256=SHA256) == CONTENT
    assert server.seen == [("/mirror", "bytes=150000-")]


def test_a_part_that_spoils_the_checksum_is_thrown_away_and_the_file_comes_again(fetch, server, half):
    half(b"x" * 150_000, url=f"{server.url}/mirror")
    assert fetch("mirror", sha256=SHA256) == CONTENT
    assert [asked for _, asked in server.seen] == ["bytes=150000-", None]


@pytest.mark.parametrize("notes", ["", "[]", "{}", '{"url": 1}', "\0"])
def test_a_part_of_unknown_origin_is_thrown_away(fetch, half, notes):
    half(b"x" * 150_000)
    fetch.out.with_name(".file.h5.part.json").write_text(notes)
    assert fetch("mirror") == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(fetch, server, half):
    half(b"x" * 400_000, url=f"{server.url}/mirror")
    assert fetch("mirror") == CONTENT


def test_a_whole_part_is_verified_without_asking_again(fetch, server, half):
    half(CONTENT, url=f"{server.url}/mirror")
    assert fetch("mirror", sha256=SHA256) == CONTENT
    assert server.seen == []


def test_a_file_that_is_there_and_right_is_not_fetched_again(fetch, server):
    fetch("mirror", sha256=SHA256)
    server.seen.clear()
    assert fetch("mirror", sha256=SHA256) == CONTENT
    assert server.seen == []


def test_a_second_process_does_not_write_into_the_first_ones_part(fetch, server, tmp_path):
    part = fetch.out.with_name(".file.h5.part")
    job = run_script(tmp_path, fetch.out, urls=[f"{server.url}/stall/200000"])
    wait_for(lambda: part.is_file() and part.stat().st_size > 100_000)
    with pytest.raises(InputError, match="another process"):
        fetch("mirror")
    job.kill()
    job.communicate()
    assert fetch("mirror") == CONTENT


# size, checksum, lock


def test_a_wrong_size_is_named_and_removed(fetch):
    assert "wrong size, expected 7 bytes. Received: 300000 bytes" in fetch.refused("mirror", size=7)
    assert "wrong size, expected 7 bytes. Received: more" in fetch.refused("chunked/whole", size=7)
    assert fetch.left() == []
    assert fetch("mirror", size=len(CONTENT)) == CONTENT


def test_a_wrong_checksum_is_named_and_removed_and_the_next_mirror_tried(fetch, server):
    message = fetch.refused("mirror", sha256="0" * 64)
    assert f"expected sha256 {'0' * 64}" in message
    assert SHA256 in message
    assert fetch.left() == []
    with Server(b"x" * 300_000) as wrong:
        urls = [f"{wrong.url}/mirror", f"{server.url}/mirror"]
        assert fetch(urls=urls, sha256=SHA256.upper()) == CONTENT


@pytest.mark.parametrize("bad", [{"sha256": "abc"}, {"sha256": 7}, {"size": -1}, {"size": "7"}, {"size": True}])
def test_a_checksum_or_size_that_is_none_is_refused(fetch, server, bad):
    assert "expected" in fetch.refused("mirror", **bad)
    assert server.seen == []


def test_the_first_download_is_recorded_and_later_ones_verified(fetch, server, tmp_path):
    lock = tmp_path / "assets.lock.json"
    fetch("mirror", lock=lock)
    recorded = json.loads(lock.read_text())
    assert recorded == {"mine": {"sha256": SHA256, "size": len(CONTENT), "source": f"{server.url}/mirror"}}
    server.content = b"x" + CONTENT[1:]
    fetch.out.unlink()
    message = fetch.refused("mirror", lock=lock)
    assert SHA256 in message
    assert f"remove the entry 'mine' from {lock} and run again" in message
    assert json.loads(lock.read_text()) == recorded
    lock.write_text("{}")
    assert fetch("mirror", lock=lock) == server.content
    assert fetch.left() == ["file.h5"]


def test_a_known_checksum_needs_no_lock(fetch, tmp_path):
    fetch("mirror", sha256=SHA256, lock=tmp_path / "lock.json")
    assert not (tmp_path / "lock.json").exists()


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"mine": {}}', '{"mine": {"sha256": "x", "size": 1}}', '{"mine": 3}']
)
def test_a_broken_lock_is_named(fetch, tmp_path, text):
    lock = tmp_path / "lock.json"
    lock.write_text(text)
    with pytest.raises(InputError, match=r"lock\.json"):
        fetch("mirror", lock=lock)
    assert lock.read_text() == text


def test_many_jobs_share_one_lock(server, tmp_path):
    def job(number):
        asset = assets.Asset(f"a{number}", urls=[f"{server.url}/mirror"])
        assets.fetch(asset, out=tmp_path / f"{number}", lock=tmp_path / "lock.json")

    threads = [threading.Thread(target=job, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(json.loads((tmp_path / "lock.json").read_text())) == sorted(f"a{number}" for number in range(12))


# the disk, and files put in place


def test_a_full_disk_is_one_line_and_the_part_is_kept(fetch, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    assert "No space left on device" in fetch.refused("mirror")
    monkeypatch.undo()

    def full(self, *_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(downloads._Meter, "show", full)
    assert "Make room" in fetch.refused("mirror")
    assert ".file.h5.part" in fetch.left()


@pytest.fixture
def given(tmp_path):
    path = tmp_path / "given.bin"
    path.write_bytes(CONTENT)
    return path


def test_a_file_put_in_place_is_copied_without_the_network(fetch, server, given, tmp_path):
    assert fetch("mirror", path=given, sha256=SHA256, drive=LARGE) == CONTENT
    assert server.seen == []
    given.write_bytes(b"changed later")
    assert fetch.out.read_bytes() == CONTENT
    assert fetch.left() == ["file.h5"]


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        (CONTENT, {"sha256": "0" * 64}, "wrong checksum"),
        (CONTENT, {"size": 7}, "wrong size"),
        (b"\n<html>Quota exceeded</html>", {}, "a web page"),
        (b"", {}, "empty"),
    ],
)
def test_a_wrong_file_put_in_place_is_named_and_left_there(fetch, given, content, options, reason):
    given.write_bytes(content)
    message = fetch.refused(path=given, **options)
    assert reason in message
    assert str(given) in message
    assert given.read_bytes() == content
    assert fetch.left() == []


def test_a_place_without_a_file_is_named(fetch, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none", tmp_path, tmp_path / "pipe", "/dev/zero"):
        assert str(path) in fetch.refused(path=path)
    assert "expected a file's path" in fetch.refused(path="")


def test_a_file_put_in_place_is_held_to_the_lock(fetch, given, tmp_path):
    lock = tmp_path / "lock.json"
    fetch(path=given, lock=lock)
    assert json.loads(lock.read_text())["mine"]["sha256"] == SHA256
    fetch.out.unlink()
    given.write_bytes(b"x" * len(CONTENT))
    assert "remove the entry 'mine'" in fetch.refused(path=given, lock=lock)


# the command


def test_the_commands_fetch_and_unpack(server, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.txt").write_text("hello")
    server.content = Path(shutil.make_archive(str(tmp_path / "archive"), "gztar", source)).read_bytes()
    archive, out = tmp_path / "out/archive", tmp_path / "out/folder"
    job = run_script(tmp_path, archive, urls=[f"{server.url}/mirror"], drive=None, size=None)
    assert job.communicate()[1].count("error") == job.returncode == 0
    script = Path(__file__).parents[2] / "workflow/scripts/unpack_asset.py"
    subprocess.run([sys.executable, script, "--archive", archive, "--out", out], check=True, capture_output=True)
    assert (out / "a.txt").read_text() == "hello"
    assert sorted(os.listdir(out.parent)) == ["archive", "folder"]


def test_the_command_can_be_given_a_drive_of_ones_own(server, tmp_path, monkeypatch):
    monkeypatch.setenv("TOPODEPTH_DRIVE_URL", server.drive_url)
    job = run_script(tmp_path, tmp_path / "file.h5", drive=LARGE)
    assert job.communicate()[1].count("mine: ") >= 2  # progress, in the job's log
    assert (tmp_path / "file.h5").read_bytes() == CONTENT
    assert json.loads((tmp_path / "lock.json").read_text())["mine"]["source"] == f"Google Drive {LARGE}"


@pytest.mark.parametrize(
    ("settings", "reason"), [({"ulrs": []}, "Did you mean 'urls'"), ({"urls": "x"}, "list"), ({"drive": 3}, "id")]
)
def test_the_command_ends_with_one_line(tmp_path, settings, reason):
    job = run_script(tmp_path, tmp_path / "out", **settings)
    lines = job.communicate()[1].strip().splitlines()
    assert job.returncode == 1
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert reason in lines[0]
