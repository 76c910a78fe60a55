"""Google Drive and mirrors, faults included: the file comes whole, or one line says why not and what to do."""

import re
import shutil
import ssl
import subprocess

import pytest
from drive_server import CONTENT, SHA256, UUID, Server

from topodepth.files import downloads

LARGE = "large_0123456789"
BY_HAND = "assets: {mine: {path: /where/you/put/it}}"


# Google Drive


def test_a_small_file_of_drive_comes_without_a_page(fetch, server):
    assert fetch(drive="small_0123456789") == CONTENT
    assert server.count("/download") == 1
    assert fetch.left() == ["file.h5"]


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
    message = fetch.refused(drive=name)
    assert re.search(reason, message)
    assert BY_HAND in message
    assert name in message
    assert server.count("/uc") == 1
    assert fetch.left() == []


def test_a_used_up_quota_falls_back_on_the_mirrors(fetch):
    assert fetch("missing", "mirror", drive="quota_0123456789") == CONTENT
    assert "quota" in "".join(fetch.lines)


@pytest.mark.parametrize(
    "bad", ["", "short", "https://drive.google.com/file/d/1iVyVUw1Qa1ScZUmW/view", "../../../etc/x", 7]
)
def test_what_is_no_id_of_drive_is_refused_before_the_network(fetch, server, bad):
    assert "id of a file" in fetch.refused(drive=bad)
    assert server.seen == []


# mirrors


@pytest.mark.parametrize(
    "word", ["mirror", "no-range", "redirected", "busy/2", "cut/100000", "chunked/whole", "wrong-range"]
)
def test_a_mirror_gives_the_file_whole(fetch, word):
    assert fetch(word) == CONTENT
    assert fetch.left() == ["file.h5"]


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
    message = fetch.refused(word)
    assert reason in message
    assert BY_HAND in message
    assert f"{server.url}/{word}" in message
    assert len(server.seen) == 1
    assert fetch.left() == []


@pytest.mark.parametrize(
    ("word", "reason"),
    [("cut/0", "connection cut"), ("chunked/cut", "connection cut"), ("busy/9", "busy (HTTP 503)")],
)
def test_a_fault_that_may_pass_is_tried_again_and_then_named(fetch, server, word, reason):
    message = fetch.refused(word)
    assert reason in message
    assert BY_HAND in message
    assert len(server.seen) == 4  # the first, and three retries


def test_a_server_that_falls_silent_counts_as_cut(fetch, server):
    assert "no answer in time" in fetch.refused("stall/0", timeout=0.2, retries=0)


def test_the_waits_between_attempts_double(fetch, monkeypatch):
    waits = []
    monkeypatch.setattr(downloads.time, "sleep", waits.append)
    fetch.refused("busy/9", backoff=20.0)
    assert waits == [20, 40, 60]  # never more than a minute


def test_half_a_file_that_ends_without_a_word_is_caught_by_size_or_checksum(fetch):
    assert "150000 of 300000 bytes" in fetch.refused("no-length", size=len(CONTENT))
    assert "wrong checksum" in fetch.refused("no-length", sha256=SHA256)


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "https://", "", "x", 7]
)
def test_an_address_that_is_not_encrypted_is_refused(fetch, url):
    assert "expected https" in fetch.refused(urls=[url])


def test_a_host_that_does_not_exist_and_one_that_does_not_answer_are_told_apart(fetch):
    assert "no network, or no host of that name" in fetch.refused(urls=["https://no-such-host.invalid/x"])
    assert "no connection" in fetch.refused(urls=["http://127.0.0.1:9/x"])


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
        message = fetch.refused(urls=[f"https://127.0.0.1:{secure.server_port}/mirror"])
    assert "certificate is not trusted" in message
    assert secure.seen == []


def test_secrets_of_an_address_are_not_shown(fetch, server):
    address = server.url.replace("//", "//user:hunter2@") + "/missing?token=hunter3"
    message = fetch.refused(urls=[address])
    assert "hunter" not in message + "".join(fetch.lines)


def test_no_source_at_all_says_what_could_be_given(fetch):
    assert "expected drive, urls or path" in fetch.refused()


def test_progress_names_the_asset_and_ends_with_the_length(fetch):
    fetch("mirror")
    assert all(line.startswith("mine: ") for line in fetch.lines)
    assert "300000 bytes" in fetch.lines[-1]
