"""Check a built site: its links lead somewhere, pictures are described, and nothing is loaded from elsewhere."""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED_LINKS = ("stylesheet", "icon", "preload")  # the others are for search engines


class Page(HTMLParser):
    """What a page links to and holds.

    Attributes
    ----------
    links
        (tag, address) of all that it links to or loads.
    anchors
        Places in it that can be linked to.
    undescribed
        Pictures without alternative text.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.anchors = {"", "top"}
        self.undescribed: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        found = dict(attrs)
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "img" and not (found.get("alt") or "").strip():
            self.undescribed.append((found.get("src") or "")[:80])
        address = found.get("href" if tag in ("a", "link") else "src")
        if tag == "a" and address:
            self.links.append(("links to", address))
        elif address and (tag != "link" or found.get("rel") in LOADED_LINKS):
            self.links.append(("loads", address))


def faults(site: Path) -> Iterator[str]:
    """Yield what is wrong with a site, one line each."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site}: no page"
    for path, page in pages.items():
        name = path.relative_to(site)
        yield from (f"{name}: a picture without alternative text: {source}" for source in page.undescribed)
        for verb, address in page.links:
            if not _leads(site, pages, path, verb, address):
                yield f"{name}: {verb} {address[:120]}, which is not there"


def _leads(site: Path, pages: dict[Path, Page], path: Path, verb: str, address: str) -> bool:
    """Tell whether an address is on the site, or is a link to another one; what a page loads must be on the site."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return parts.scheme == "data" or (verb == "links to" and bool(parts.netloc or parts.scheme == "mailto"))
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target not in pages:
        return target.is_file() and target.is_relative_to(site)
    return verb == "loads" or unquote(parts.fragment) in pages[target].anchors


def main() -> None:
    """Check the folder named."""
    found = list(faults(Path(sys.argv[1]).resolve()))
    sys.exit("\n".join(found) if found else 0)


if __name__ == "__main__":
    main()
