"""The site and the Markdown that it is made of: links lead somewhere, pictures are described, nothing is left out.

`make docs` builds it, and fails on a warning of Sphinx, a public name without an entry, and what check.py finds.
"""

import importlib
import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs/site"
MARKDOWN = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *SITE.rglob("*.md")])


@pytest.fixture(scope="module")
def of_site():
    """Return a module of the site by its name."""
    sys.path.insert(0, str(SITE))
    yield importlib.import_module
    sys.path.remove(str(SITE))


def prose(path):
    return re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)


def anchors(path):
    """Return the anchors that GitHub gives the headings of a Markdown file."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL), flags=re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_and_pictures_are_described(path):
    for described, address in re.findall(r"(!?\[[^\]]*\])\(([^)\s]+)\)", prose(path)):
        if described.startswith("!"):
            assert len(described) > 10, address
        if not re.match("https?:", address):
            file, _, heading = address.partition("#")
            target = (path.parent / file).resolve() if file else path
            assert target.exists(), address
            assert not heading or heading in anchors(target), address


def properties(node):
    """Yield each key that a schema describes, with its description."""
    for key, value in node.get("properties", {}).items():
        yield key, value
        yield from properties(value)
    for part in (node.get("items"), node.get("additionalProperties"), *node.get("$defs", {}).values()):
        if isinstance(part, dict):
            yield from properties(part)


def test_every_key_of_the_configuration_is_on_its_page_once_with_its_words_and_default(of_site):
    page = of_site("keys").page()
    known = list(properties(yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())))
    kinds = len(list((ROOT / "src/topodepth/plan/kinds").glob("[!_]*.py")))
    entries = re.findall(r"^\[`(\w+)`\]\{#([\w-]+)\}\n: (.+)\n\n  \*(.+)\*$", page, flags=re.MULTILINE)
    assert len(known) > 100
    assert sorted(key for key, *_ in entries) == sorted(key for key, _ in known)
    assert len({anchor for _, anchor, *_ in entries}) == len(entries)
    assert page.count("\n## `experiments: ") >= kinds
    assert "[`null_draws`]{#topology-null_draws}" in page
    assert "*a whole number, from 0, up to 100; default `3`*" in page


def test_words_of_the_schema_mean_themselves_on_the_page(of_site):
    words = of_site("keys").prose("results/<run>/ of *.py, see docs/plugins.md and `a*b`")
    assert words == r"results/\<run>/ of \*.py, see [docs/plugins.md](../plugins.md) and `a*b`"


def test_every_figure_with_a_caption_is_in_the_gallery_described_and_small(of_site):
    gallery = of_site("gallery")
    drawn = {path.stem for path in (ROOT / "src/topodepth/figures").glob("*.py")}
    captioned = {path.stem for path in (ROOT / "workflow/report").glob("*.rst")}
    shown = [figure for kind in gallery.KINDS for figure in gallery.figures(kind)]
    assert sorted(shown) == sorted(drawn & captioned | {"adversarial_images"})
    assert {path.stem for path in gallery.PICTURES.iterdir()} == set(shown)
    assert sum(path.stat().st_size for path in gallery.PICTURES.iterdir()) < 2e6
    described = re.findall(r"!\[(.+)\]\(", gallery.page())
    assert len(set(described)) == len(shown)
    assert min(map(len, described)) > 40


def test_every_module_that_lists_public_names_is_in_the_reference(of_site):
    pages = "".join(path.read_text() for path in (SITE / "reference").glob("*.md"))
    described = re.findall(r"^\.\. automodule:: (\S+)$", pages, flags=re.MULTILINE)
    modules = of_site("names").modules()
    assert {"topodepth", "topodepth.homology", "topodepth.study.draw"} <= set(modules)
    assert set(modules) <= set(described)
    assert len(described) == len(set(described))


def test_every_page_is_in_the_contents():
    contents = (SITE / "contents.txt").read_text()
    pages = [path.relative_to(ROOT).with_suffix("").as_posix() for path in MARKDOWN if ROOT / "docs" in path.parents]
    assert [page for page in pages if f"\n{page}\n" not in contents] == []


GOOD = '<h1 id="a">A</h1><a href="b.html#c">B</a><a href="https://example.org">out</a><img src="p.png" alt="p">'


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("b.html#c", "b.html#d"), "index.html: links to b.html#d, which is not there"),
        (("b.html#c", "d.html"), "index.html: links to d.html, which is not there"),
        (("b.html#c", "../outside.html"), "index.html: links to ../outside.html, which is not there"),
        (('alt="p"', 'alt=" "'), "index.html: a picture without alternative text: p.png"),
        (("p.png", "https://example.org/p.png"), "index.html: loads https://example.org/p.png, which is not there"),
        (("<h1", '<script src="//cdn.example.org/m.js"></script><h1'), "index.html: loads //cdn.example.org/m.js"),
        (("<h1", '<link rel="stylesheet" href="missing.css"><h1'), "index.html: loads missing.css"),
    ],
)
def test_the_check_of_a_built_site_names_each_fault(of_site, tmp_path, change, fault):
    site = tmp_path / "site"
    site.mkdir()
    (tmp_path / "outside.html").write_text("")
    (site / "b.html").write_text('<p id="c">')
    (site / "p.png").write_bytes(b"")
    (site / "index.html").write_text(GOOD)
    check = of_site("check")
    assert list(check.faults(site)) == []
    (site / "index.html").write_text(GOOD.replace(*change))
    assert [each[: len(fault)] for each in check.faults(site)] == [fault]


def test_a_site_without_pages_is_a_fault(of_site, tmp_path):
    assert list(of_site("check").faults(tmp_path)) == [f"{tmp_path}: no page"]
