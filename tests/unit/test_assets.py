"""A file comes whole and right, or not at all, with one line that says what to do."""

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from drive_server import UUID, Server, wait_for

from topodepth import assets, downloads
from topodepth.errors import InputError

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SCRIPT = Path(__file__).parents[2] / "workflow/scripts/fetch_asset.py"
LARGE = "large_0123456789"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def server():
    with Server(CONTENT) as running:
        yield running


@pytest.fixture
def fetch(server, tmp_path):
    """Fetch into a folder of its own and return the content; ``fetch.lines`` are the progress lines."""
    out = tmp_path / "assets/file.h5"
    lines = []

    def call(*words, **options):
        options = {"retries": 3, "backoff": 0.001, "timeout": 5, **options}
        if words:
            options["urls"] = [f"{server.url}/{word}" for word in words]
        assets.fetch("mine", out=out, drive_url=server.drive_url, progress=lines.append, **options)
        return out.read_bytes()

    call.out, call.lines = out, lines
    return call


def refused(fetch, *words, **options):
    """Fetch in vain; nothing appears at the place, and the one line is returned."""
    with pytest.raises(InputError) as caught:
        fetch(*words, **options)
    assert not fetch.out.exists()
    message = str(caught.value)
    assert message.isprintable()
    assert "assets" in message
    assert "mine" in message
    return message


def left(fetch):
    return sorted(os.listdir(fetch.out.parent))


BY_HAND = "assets: {mine: {path: /where/you/put/it}}"


# Google Drive


def test_a_small_file_of_drive_comes_without_a_page(fetch, server):
    assert fetch(drive="small_0123456789") == CONTENT
    assert server.count("/download") == 1
    assert left(fetch) == ["file.h5"]


@pytest.mark.parametrize("name", [LARGE, "large_with_lines_0"])
def test_a_large_file_of_drive_comes_through_its_confirmation_page(fetch, server, name):
    assert fetch(drive=name) == CONTENT
    assert f"confirm=t&uuid={UUID}" in server.seen[-1][0]


def test_a_large_file_of_drive_is_continued_after_each_cut(fetch, server):
    assert fetch(drive="largecut_0123456") == CONTENT
    assert [asked for _, asked in server.seen if asked] == ["bytes=120000-", "bytes=240000-"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("quota_0123456789", "quota is used up, try again in a day"),
        ("missing_012345678", r"no such file there \(HTTP 404\): the id is wrong"),
        ("private_012345678", "not shared with everyone"),
        ("endless_012345678", "one page after another"),
        ("elsewhere_0123456", "not encrypted"),
        ("hostile_012345678", "a web page in place of the file"),
    ],
)
def test_what_drive_says_instead_of_a_file_is_one_line_and_not_asked_again(fetch, server, name, reason):
    message = refused(fetch, drive=name)
    pytest.raises(InputError, fetch, drive=name).match(reason)
    assert BY_HAND in message
    assert name in message
    assert server.count("/uc") == 2  # one for each of the two calls above
    assert left(fetch) == []


def test_a_used_up_quota_falls_back_on_the_mirrors(fetch):
    assert fetch("missing", "mirror", drive="quota_0123456789") == CONTENT
    assert "quota" in "".join(fetch.lines)


@pytest.mark.parametrize(
    "bad", ["", "short", "https://drive.google.com/file/d/1iVyVUw1Qa1ScZUmW/view", "../../../etc/x", 7]
)
def test_what_is_no_id_of_drive_is_refused_before_the_network(fetch, server, bad):
    assert "id of a file" in refused(fetch, drive=bad)
    assert server.seen == []


# mirrors


@pytest.mark.parametrize(
    "word", ["mirror", "no-range", "redirected", "busy/2", "cut/100000", "chunked/whole", "wrong-range"]
)
def test_a_mirror_gives_the_file_whole(fetch, word):
    assert fetch(word) == CONTENT
    assert left(fetch) == ["file.h5"]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("web-page", r"a web page in place of the file ('Log in to the \x1b[31mhotel')"),
        ("disguised", "a web page in place of the file ('Moved')"),
        ("missing", "no such file there (HTTP 404)"),
        ("forbidden", "refused (HTTP 403"),
        ("away", "not encrypted"),
        ("no-length", "does not say how long the file is: give its size or sha256"),
        ("empty", "an empty file"),
    ],
)
def test_a_mirror_without_the_file_is_named_with_the_reason_and_not_asked_again(fetch, server, word, reason):
    message = refused(fetch, word)
    assert reason in message
    assert BY_HAND in message
    assert f"{server.url}/{word}" in message
    assert len(server.seen) == 1
    assert left(fetch) == []


@pytest.mark.parametrize(
    ("word", "reason"),
    [("cut/0", "connection cut"), ("chunked/cut", "connection cut"), ("busy/9", "busy (HTTP 503)")],
)
def test_a_fault_that_may_pass_is_tried_again_and_then_named(fetch, server, word, reason):
    message = refused(fetch, word)
    assert reason in message
    assert BY_HAND in message
    assert len(server.seen) == 4  # the first, and three retries


def test_a_server_that_falls_silent_counts_as_cut(fetch, server):
    assert "no answer in time" in refused(fetch, "stall/0", timeout=0.2, retries=0)


def test_the_waits_between_attempts_double(fetch, monkeypatch):
    waits = []
    monkeypatch.setattr(downloads.time, "sleep", waits.append)
    refused(fetch, "busy/9", backoff=20.0)
    assert waits == [20, 40, 60]  # never more than a minute


def test_half_a_file_that_ends_without_a_word_is_caught_by_size_or_checksum(fetch):
    assert "150000 of 300000 bytes" in refused(fetch, "no-length", size=len(CONTENT))
    assert "wrong checksum" in refused(fetch, "no-length", sha256=SHA256)


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "https://", "", "x", 7]
)
def test_an_address_that_is_not_encrypted_is_refused(fetch, url):
    assert "expected https" in refused(fetch, urls=[url])


def test_a_host_that_does_not_exist_and_one_that_does_not_answer_are_told_apart(fetch):
    assert "no network, or no host of that name" in refused(fetch, urls=["https://no-such-host.invalid/x"])
    assert "no connection" in refused(fetch, urls=["http://127.0.0.1:9/x"])


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the command openssl to make a certificate")
def test_a_certificate_that_nobody_vouches_for_is_refused(fetch, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure = Server(CONTENT)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    with secure:
        message = refused(fetch, urls=[f"https://127.0.0.1:{secure.server_port}/mirror"])
    assert "certificate is not trusted" in message
    assert secure.seen == []


def test_secrets_of_an_address_are_not_shown(fetch, server):
    address = server.url.replace("//", "//user:hunter2@") + "/missing?token=hunter3"
    message = refused(fetch, urls=[address])
    assert "hunter" not in message + "".join(fetch.lines)


def test_no_source_at_all_says_what_could_be_given(fetch):
    assert "expected drive, urls or path" in refused(fetch)


def test_progress_names_the_asset_and_ends_with_the_length(fetch):
    fetch("mirror")
    assert all(line.startswith("mine: ") for line in fetch.lines)
    assert "300000 bytes" in fetch.lines[-1]


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
    assert "wrong size, expected 7 bytes. Received: 300000 bytes" in refused(fetch, "mirror", size=7)
    assert "wrong size, expected 7 bytes. Received: more" in refused(fetch, "chunked/whole", size=7)
    assert left(fetch) == []
    assert fetch("mirror", size=len(CONTENT)) == CONTENT


def test_a_wrong_checksum_is_named_and_removed_and_the_next_mirror_tried(fetch, server):
    message = refused(fetch, "mirror", sha256="0" * 64)
    assert f"expected sha256 {'0' * 64}" in message
    assert SHA256 in message
    assert left(fetch) == []
    with Server(b"x" * 300_000) as wrong:
        urls = [f"{wrong.url}/mirror", f"{server.url}/mirror"]
        assert fetch(urls=urls, sha256=SHA256.upper()) == CONTENT


@pytest.mark.parametrize("bad", [{"sha256": "abc"}, {"sha256": 7}, {"size": -1}, {"size": "7"}, {"size": True}])
def test_a_checksum_or_size_that_is_none_is_refused(fetch, server, bad):
    assert "expected" in refused(fetch, "mirror", **bad)
    assert server.seen == []


def test_the_first_download_is_recorded_and_later_ones_verified(fetch, server, tmp_path):
    lock = tmp_path / "assets.lock.json"
    fetch("mirror", lock=lock)
    recorded = json.loads(lock.read_text())
    assert recorded == {"mine": {"sha256": SHA256, "size": len(CONTENT), "source": f"{server.url}/mirror"}}
    server.content = b"x" + CONTENT[1:]
    fetch.out.unlink()
    message = refused(fetch, "mirror", lock=lock)
    assert SHA256 in message
    assert f"remove the entry 'mine' from {lock} and run again" in message
    assert json.loads(lock.read_text()) == recorded
    lock.write_text("{}")
    assert fetch("mirror", lock=lock) == server.content
    assert left(fetch) == ["file.h5"]


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
        assets.fetch(
            f"a{number}", out=tmp_path / f"{number}", urls=[f"{server.url}/mirror"], lock=tmp_path / "lock.json"
        )

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
    assert "No space left on device" in refused(fetch, "mirror")
    monkeypatch.undo()

    def full(self, *_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(downloads._Meter, "show", full)
    assert "Make room" in refused(fetch, "mirror")
    assert ".file.h5.part" in left(fetch)


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
    assert left(fetch) == ["file.h5"]


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
    message = refused(fetch, path=given, **options)
    assert reason in message
    assert str(given) in message
    assert given.read_bytes() == content
    assert left(fetch) == []


def test_a_place_without_a_file_is_named(fetch, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none", tmp_path, tmp_path / "pipe", "/dev/zero"):
        assert str(path) in refused(fetch, path=path)
    assert "expected a file's path" in refused(fetch, path="")


def test_a_file_put_in_place_is_held_to_the_lock(fetch, given, tmp_path):
    lock = tmp_path / "lock.json"
    fetch(path=given, lock=lock)
    assert json.loads(lock.read_text())["mine"]["sha256"] == SHA256
    fetch.out.unlink()
    given.write_bytes(b"x" * len(CONTENT))
    assert "remove the entry 'mine'" in refused(fetch, path=given, lock=lock)


# the command


def test_the_command_fetches_and_unpacks(server, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.txt").write_text("hello")
    server.content = Path(shutil.make_archive(str(tmp_path / "archive"), "gztar", source)).read_bytes()
    out = tmp_path / "out/folder"
    job = run_script(tmp_path, out, urls=[f"{server.url}/mirror"], unpack=True, drive=None, size=None)
    assert job.communicate()[1].count("error") == job.returncode == 0
    assert (out / "a.txt").read_text() == "hello"
    assert os.listdir(out.parent) == ["folder"]


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
