"""One file over HTTPS: streamed into a part file, continued after a cut, and never a web page in its place."""

import errno
import html
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from topodepth.errors import InputError
from topodepth.files import texts
from topodepth.files.archives import printable

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 16  # bytes; what a kill can lose of a slow download
HEADWAY = 16 << 20  # bytes; an attempt that got so far does not count against the retries
LONGEST_WAIT = 60.0  # seconds
PAGE = 1 << 20  # bytes read of a web page
PAGES = 3  # confirmation pages in a row
PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that may pass
LOCAL = {"127.0.0.1", "localhost", "::1"}
QUOTA = re.compile(r"quota exceeded|too many users have viewed or downloaded", re.IGNORECASE)


class UnavailableError(Exception):
    """A source does not have the right file, and will not have it in a minute."""


class CutError(Exception):
    """A fault that may pass: the same source is tried again."""


@dataclass(frozen=True)
class Source:
    """Where a file comes from; ``drive`` if a page of Google Drive's may stand before it."""

    url: str
    drive: str | None = None

    @property
    def label(self) -> str:
        """The source for messages and records, without what an address may keep secret (user, query)."""
        if self.drive is not None:
            return f"Google Drive {self.drive}"
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return printable(f"{parts.scheme}://{parts.hostname}{port}{parts.path}")


@dataclass
class Part:
    """A download on its way: the bytes that have come, and beside them a note of where they came from.

    Parameters
    ----------
    out
        The file that it will be.
    source
        Where the next bytes come from.
    size
        Expected length in bytes, if known.
    verified
        Whether a checksum will tell if bytes belong together: only then may those of two sources be joined.
    """

    out: Path
    source: Source
    size: int | None = None
    verified: bool = False
    origin: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path = self.out.with_name(f".{self.out.name}.part")
        self.notes = self.out.with_name(f".{self.out.name}.part.json")
        try:
            origin = texts.read_json(self.notes)
        except InputError:  # none yet, or half of one
            origin = {}
        if isinstance(origin, dict) and {*origin} >= {"url", "total", "validator"}:
            same = origin["url"] == self.source.url
            if same or self.verified:
                self.origin = {"url": self.source.url, "total": origin["total"]}
                self.origin["validator"] = origin["validator"] if same else None
        if not self.origin:
            self.discard()

    @property
    def length(self) -> int:
        """Bytes that have come."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def discard(self) -> None:
        """Remove what has come."""
        self.path.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)
        self.origin = {}

    def begin(self, total: int | None, validator: str | None) -> None:
        """Note whose bytes are about to come, before any of them does."""
        self.discard()
        self.origin = {"url": self.source.url, "total": total, "validator": validator}
        texts.write_json(self.notes, self.origin)


def is_allowed(url: str) -> bool:
    """Return whether an address is encrypted, or plain HTTP within this machine."""
    try:
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in LOCAL
        return bool(parts.hostname) and (parts.scheme == "https" or local) and parts.port != 0
    except ValueError:
        return False


def is_page(content_type: str, start: bytes) -> bool:
    """Return whether an answer is a web page, by what the server says or by its first bytes."""
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    return content_type.lower().startswith("text/html") or start.startswith((b"<!doctype html", b"<html"))


def download(
    part: Part,
    name: str,
    *,
    retries: int,
    backoff: float,
    timeout: float,
    progress: Callable[[str], None],
) -> None:
    """Bring all of a part file, in as many attempts as it may take; its meaning is not checked here.

    Raises
    ------
    UnavailableError
        If the source answers something else, or faults that may pass did not within ``retries`` further attempts.
    """
    failures = 0
    while True:
        before = part.length
        try:
            with _session() as session:
                _stream(session, part, timeout, _Meter(name, progress))
            return
        except CutError as error:
            failures = 1 if part.length - before >= HEADWAY else failures + 1
            if failures > retries:
                raise UnavailableError(f"{error} (attempt {failures}, the last).") from error
            wait = min(backoff * 2 ** (failures - 1), LONGEST_WAIT)
            progress(f"{name}: {error}; attempt {failures + 1} of {retries + 1} in {wait:g} s")
            time.sleep(wait)


def _stream(session: "requests.Session", part: Part, timeout: float, meter: "_Meter") -> None:
    """Append to the part file what is missing; return when it is whole."""
    import requests
    import urllib3

    offset = part.length
    if offset and offset == part.origin.get("total"):
        return  # killed between the last byte and the check
    try:
        with _open(session, part, offset, timeout) as response:
            total = _total(response, part, offset)
            if response.status_code != 206:
                offset = 0  # the server sends all of it again
            _write(response, part, offset, total, meter)
    except requests.exceptions.SSLError as error:
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            raise UnavailableError(f"no encrypted connection. Received: {_innermost(error)}.") from error
        raise UnavailableError(
            "its certificate is not trusted by this machine; behind a proxy that signs anew, set REQUESTS_CA_BUNDLE to "
            f"the proxy's certificates. Received: {_innermost(error)}."
        ) from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout, urllib3.exceptions.HTTPError) as error:
        raise CutError(_connection_fault(error)) from error
    except requests.exceptions.RequestException as error:
        raise UnavailableError(f"no file there. Received: {printable(error)}.") from error
    if part.length != (total if total is not None else part.length):
        raise CutError(f"connection cut after {part.length} of {total} bytes")


def _write(
    response: "requests.Response",
    part: Part,
    offset: int,
    total: int | None,
    meter: "_Meter",
) -> None:
    blocks = response.raw.stream(CHUNK, decode_content=False)
    first = next(blocks, b"")
    if is_page(response.headers.get("Content-Type", ""), b"" if offset else first):
        raise UnavailableError(f"a web page in place of the file{_title(first)}.")
    if not first and not offset:
        raise UnavailableError("an empty file.")
    if not offset:
        part.begin(total, _validator(response))
    if total is not None and shutil.disk_usage(part.path.parent).free < total - offset:
        raise OSError(errno.ENOSPC, f"No space left on device, {total - offset} bytes are to come", str(part.path))
    meter.start(offset, total)
    with part.path.open("ab" if offset else "wb", buffering=0) as file:
        while first:
            file.write(first)
            offset += len(first)
            if part.size is not None and offset > part.size:
                part.discard()
                raise UnavailableError(f"wrong size, expected {part.size} bytes. Received: more than that.")
            meter.show(offset, total)
            first = next(blocks, b"")


def _open(session: "requests.Session", part: Part, offset: int, timeout: float) -> "requests.Response":
    """Ask for the file from ``offset`` on, past the pages that Drive puts before large files."""
    url = part.source.url
    if part.source.drive is None:
        return _file(_get(session, url, part, offset, timeout), part)
    for _ in range(PAGES):
        response = _get(session, url, part, 0, timeout)  # a page has no ranges
        if response.status_code == 200 and "Content-Disposition" in response.headers:
            if not offset:
                return response
            response.close()
            return _file(_get(session, url, part, offset, timeout), part)
        if response.status_code in PASSING or not is_page(response.headers.get("Content-Type", ""), b""):
            return _file(response, part)
        with response:
            url = _confirmed(response)
        if not _may_follow(response.url, url):
            raise UnavailableError("Drive's page leads to an address that is not encrypted.")
    raise UnavailableError("Drive answers with one page after another in place of the file.")


def _get(session: "requests.Session", url: str, part: Part, offset: int, timeout: float) -> "requests.Response":
    # identity: positions must count the bytes that are written
    headers = {"Accept-Encoding": "identity", "User-Agent": "Mozilla/5.0 (compatible; topodepth)"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if part.origin.get("validator"):
            headers["If-Range"] = part.origin["validator"]  # a file that changed comes again from its start
    return session.get(url, headers=headers, stream=True, timeout=(min(timeout, 15.0), timeout))


def _file(response: "requests.Response", part: Part) -> "requests.Response":
    """Return an answer that carries a file; close any other and say what it means."""
    status = response.status_code
    if status in (200, 206):
        return response
    response.close()
    if status == 416:
        part.discard()
        raise CutError("the part that had come does not belong to the file, starting again")
    if status in PASSING:
        raise CutError(f"the server is busy (HTTP {status})")
    if status in (404, 410):
        raise UnavailableError(f"no such file there (HTTP {status}): the address or id is wrong, or it was removed.")
    raise UnavailableError(f"refused (HTTP {status} {printable(response.reason, 60)}).")


def _total(response: "requests.Response", part: Part, offset: int) -> int | None:
    """Return the length of the whole file by this answer.

    None only if it comes in chunks, whose end is marked, or if its checksum is known.
    """
    if response.status_code == 206:
        found = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", response.headers.get("Content-Range", ""))
        before = part.origin.get("total"), part.origin.get("validator")
        now = int(found[3]) if found else None, _validator(response)
        if not found or int(found[1]) != offset or any(a != b for a, b in zip(before, now, strict=True) if a and b):
            part.discard()
            raise CutError("the server answers with another file or part than asked, starting again")
        total = now[0]
    else:
        length = response.headers.get("Content-Length", "")
        chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
        total = int(length) if re.fullmatch(r"\d{1,18}", length) and not chunked else None
        if total is None:
            total = part.size
        if total is None and not chunked and not part.verified:
            raise UnavailableError("the server does not say how long the file is: give its size or sha256.")
    if total is not None and part.size is not None and total != part.size:
        part.discard()
        raise UnavailableError(f"wrong size, expected {part.size} bytes. Received: {total} bytes.")
    return total


def _confirmed(response: "requests.Response") -> str:
    """Return the address behind the button of Drive's confirmation page; any other page is named for what it is."""
    from gdown.download import get_url_from_gdrive_confirmation
    from gdown.exceptions import FileURLRetrievalError

    content = response.raw.read(PAGE, decode_content=False)
    text = html.unescape(content.decode("utf-8", "replace"))
    if QUOTA.search(text):
        raise UnavailableError("its download quota is used up, try again in a day.")
    if response.status_code in (404, 410):
        raise UnavailableError(f"no such file there (HTTP {response.status_code}): the id is wrong, or it was removed.")
    if urlsplit(response.url).hostname == "accounts.google.com" or response.status_code in (401, 403):
        raise UnavailableError("the file is not shared with everyone.")
    try:
        # one line: gdown looks for the form line by line
        found = get_url_from_gdrive_confirmation(" ".join(content.decode("utf-8", "replace").split()))
    except FileURLRetrievalError as error:
        raise UnavailableError(f"a web page in place of the file{_title(content)}: {printable(error)}") from error
    except (AssertionError, KeyError, ValueError) as error:  # a form without the fields that one has
        raise UnavailableError(f"a web page in place of the file{_title(content)}.") from error
    return urljoin(response.url, found)


def _session() -> "requests.Session":
    import requests

    class Session(requests.Session):
        """Follows redirects, but never from an encrypted address to one that is not."""

        def get_redirect_target(self, resp: requests.Response) -> str | None:
            target = super().get_redirect_target(resp)
            if target is not None and not _may_follow(resp.url, urljoin(resp.url, target)):
                resp.close()
                raise UnavailableError("it leads on to an address that is not encrypted.")
            return target

    return Session()


def _may_follow(origin: str, target: str) -> bool:
    return is_allowed(target) and (urlsplit(target).scheme == "https" or urlsplit(origin).scheme == "http")


def _validator(response: "requests.Response") -> str | None:
    tag = response.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")


def _title(content: bytes) -> str:
    found = re.search(rb"<title[^>]*>(.*?)</title", content, re.IGNORECASE | re.DOTALL)
    return f" ('{printable(html.unescape(found[1].decode('utf-8', 'replace')), 80)}')" if found else ""


def _innermost(error: BaseException) -> str:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return printable(error)


def _connection_fault(error: Exception) -> str:
    text = f"{type(error).__name__} {error!r} {error}"
    if "NameResolutionError" in text:
        return "no network, or no host of that name"
    if "ProxyError" in text:
        return "the proxy (HTTPS_PROXY) does not answer"
    if "imeout" in text or "timed out" in text:
        return "no answer in time"
    if "NewConnectionError" in text:
        return f"no connection ({_innermost(error)})"
    return "connection cut"


class _Meter:
    """Says how far a download is, every few seconds or tenth of the file."""

    def __init__(self, name: str, progress: Callable[[str], None]) -> None:
        self.name, self.progress = name, progress

    def start(self, offset: int, total: int | None) -> None:
        whole = f" of {total / 1e6:.1f} MB" if total else ""
        self.progress(f"{self.name}: {'going on at' if offset else 'from'} {offset / 1e6:.1f}{whole or ' MB'}")
        self.began, self.first, self.said, self.shown = time.monotonic(), offset, offset, time.monotonic()

    def show(self, offset: int, total: int | None) -> None:
        now = time.monotonic()
        tenth = total is not None and offset - self.said >= total / 10 and now - self.shown >= 0.5
        if now - self.shown >= 5 or tenth:
            speed = (offset - self.first) / 1e6 / max(now - self.began, 1e-9)
            whole = f" of {total / 1e6:.1f} MB, {100 * offset // total} %" if total else " MB"
            self.progress(f"{self.name}: {offset / 1e6:.1f}{whole}, {speed:.1f} MB/s")
            self.said, self.shown = offset, now
