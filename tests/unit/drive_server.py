"""A server on this machine that behaves as Google Drive and as a mirror do, faults included."""

import hashlib
import os
import random
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from topodepth.errors import InputError
from topodepth.files import assets

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FORM = """<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<p class="uc-warning-caption">Google Drive can't scan this file for viruses.</p>
<form id="download-form" action="{action}" method="get"><input type="submit" value="Download anyway"/>
<input type="hidden" name="id" value="{id}"><input type="hidden" name="export" value="download">
<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="{uuid}"></form></body></html>"""
QUOTA = """<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>
<p class="uc-error-caption">Sorry, you can't view or download this file at this time.</p>
<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently. Please try accessing the
file again later.</p></body></html>"""
MISSING = "<!DOCTYPE html><html><head><title>Error 404 (Not Found)!!1</title></head><body></body></html>"
NOT_SHARED = "<html><head><title>Google Drive: Sign-in</title></head><body>You need access</body></html>"
UUID = "0f6d-77"


class Server(ThreadingHTTPServer):
    """Serves ``content`` at every path; the path's first word says with which fault. ``seen`` lists the requests."""

    daemon_threads = True

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.seen = []  # (path, Range header)
        self.tag = '"v1"'
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.drive_url = self.url + "/uc?id={id}"
        self.released = threading.Event()  # lets /stall go on

    def handle_error(self, request, client_address):
        """A client that was killed is no news."""

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.shutdown()
        self.server_close()

    def count(self, path):
        return sum(seen.startswith(path) for seen, _ in self.seen)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        parts = urlsplit(self.path)
        self.server.seen.append((self.path, self.headers.get("Range")))
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        word, *rest = parts.path.strip("/").split("/")
        getattr(self, word.replace("-", "_"))(query, *rest)

    # Drive: the id says what becomes of it

    def uc(self, query):
        self.redirect(f"{self.server.url}/download?id={query['id']}&export=download")

    def download(self, query):
        kind = query["id"].split("_")[0]
        if kind in ("large", "largecut") and (query.get("confirm"), query.get("uuid")) != ("t", UUID):
            page = FORM.format(action=f"{self.server.url}/download", id=query["id"], uuid=UUID)
            self.page(page if "lines" in query["id"] else page.replace("\n", " "))  # Drive's is one long line
        elif kind == "endless":
            self.page(FORM.format(action=f"{self.server.url}/download", id=query["id"], uuid=UUID))
        elif kind == "elsewhere":
            self.page(FORM.format(action="http://192.0.2.1/download", id=query["id"], uuid=UUID))
        elif kind == "hostile":
            self.page('<form id="download-form"></form><title>\x1b[2Jx</title>')
        elif kind == "quota":
            self.page(QUOTA)
        elif kind == "private":
            self.page(NOT_SHARED, 403)
        elif kind in ("small", "large"):
            self.file(disposition=True)
        elif kind == "largecut":
            self.cut(query, "120000", disposition=True)
        else:
            self.page(MISSING, 404)

    # a mirror: the path's first word says what is wrong with it

    def mirror(self, query, *_):
        self.file()

    def heedless(self, query):
        """Give the rest of a file that changed."""
        del self.headers["If-Range"]
        self.file()

    def no_range(self, query):
        self.file(ranges=False)

    def redirected(self, query):
        self.redirect("/mirror/file")

    def away(self, query):
        self.redirect("ftp://127.0.0.1/file")

    def web_page(self, query):
        self.page("<html><head><title>Log in to\n the \x1b[31mhotel</title></head></html>")

    def disguised(self, query):
        self.page("\n <!DOCTYPE HTML><title>Moved</title>", content_type="application/octet-stream")

    def missing(self, query):
        self.page("gone", 404)

    def forbidden(self, query):
        self.page("no", 403)

    def empty(self, query):
        self.head(0, 0)

    def busy(self, query, times):
        if self.server.count("/busy") <= int(times):
            self.page("busy", 503)
        else:
            self.file()

    def cut(self, query, count, *, disposition=False):
        """Send some bytes of what was asked, then cut the connection."""
        start = self.start()
        self.head(start, len(self.server.content) - start, disposition=disposition)
        self.wfile.write(self.server.content[start : start + int(count)])
        self.close_connection = True

    def stall(self, query, count):
        """Send some bytes, then nothing until released."""
        start = self.start()
        self.head(start, len(self.server.content) - start)
        self.wfile.write(self.server.content[start : start + int(count)])
        self.wfile.flush()
        self.server.released.wait(30)
        self.close_connection = True

    def chunked(self, query, kind):
        """Send without a length, in chunks; cut ones lack the end."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        block = self.server.content[:50_000]
        self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        if kind == "whole":
            rest = self.server.content[50_000:]
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest))
        self.close_connection = True

    def no_length(self, query):
        """Send without a length, the end of the connection being the end of the file: half a file looks whole."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(self.server.content[: len(self.server.content) // 2])
        self.close_connection = True

    def wrong_range(self, query):
        """Answer any range with the start of the file."""
        if self.headers.get("Range"):
            self.send_response(206)
            self.send_header("Content-Range", f"bytes 0-9/{len(self.server.content)}")
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(self.server.content[:10])
        else:
            self.file()

    # what they share

    def start(self):
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if found and self.headers.get("If-Range", self.server.tag) == self.server.tag:
            return int(found[1])
        return 0

    def head(self, start, length, *, disposition=False):
        whole = len(self.server.content)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if disposition:
            self.send_header("Content-Disposition", 'attachment; filename="file.h5"')
        self.send_header("ETag", self.server.tag)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def file(self, *, ranges=True, disposition=False):
        start = self.start() if ranges else 0
        if start >= len(self.server.content) > 0:
            self.page("", 416)
            return
        self.head(start, len(self.server.content) - start, disposition=disposition)
        self.wfile.write(self.server.content[start:])

    def page(self, text, status=200, content_type="text/html; charset=utf-8"):
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def redirect(self, location):
        self.send_response(303)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()


def wait_for(condition, seconds=20):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)


class Fetcher:
    """Fetches the asset "mine" from a server into a folder of its own; ``lines`` are the progress lines."""

    def __init__(self, server, out):
        self.server, self.out, self.lines = server, out, []

    def __call__(self, *words, **options):
        """Fetch, by default from mirrors with these faults, and return the content."""
        options = {"retries": 3, "backoff": 0.001, "timeout": 5, **options}
        if words:
            options["urls"] = [f"{self.server.url}/{word}" for word in words]
        source = {key: options.pop(key) for key in ("drive", "urls", "path", "sha256", "size") if key in options}
        asset = assets.Asset("mine", **source)
        assets.fetch(asset, out=self.out, drive_url=self.server.drive_url, progress=self.lines.append, **options)
        return self.out.read_bytes()

    def refused(self, *words, **options):
        """Fetch in vain; nothing appears at the place, and the one line is returned."""
        with pytest.raises(InputError) as caught:
            self(*words, **options)
        assert not self.out.exists()
        message = str(caught.value)
        assert message.isprintable()
        assert "assets" in message
        assert "mine" in message
        return message

    def left(self):
        """All that lies in the folder."""
        return sorted(os.listdir(self.out.parent))
