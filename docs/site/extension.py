"""What the site has beside the Markdown files: formulas without scripts, pages made of the schema and the library."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gallery
import keys
from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from pygments.lexers import PythonLexer, TextLexer
from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)

MADE = {"docs/site/configuration": keys.page, "docs/site/gallery": gallery.page}


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of all of it."""
    app.add_html_math_renderer("mathml", (inline_formula, None), (block_formula, None))
    app.config.html_math_renderer = "mathml"
    app.add_lexer("snakemake", PythonLexer)
    app.add_lexer("csv", TextLexer)
    app.connect("env-get-outdated", lambda *_: made_here(app))
    app.connect("source-read", with_made)
    app.connect("autodoc-process-docstring", plain_bars)
    app.connect("doctree-read", described)
    app.connect("build-finished", front_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def inline_formula(translator: Any, node: nodes.math) -> None:
    """Write a formula within a line as MathML, which browsers draw by themselves."""
    translator.body.append(_mathml(node, block=False))
    raise nodes.SkipNode


def block_formula(translator: Any, node: nodes.math_block) -> None:
    """Write a formula on lines of its own."""
    translator.body.append(f'<div class="formula">{_mathml(node, block=True)}</div>')
    raise nodes.SkipNode


def _mathml(node: nodes.Element, *, block: bool) -> str:
    try:
        return latex2mathml.tex2mathml(node.astext(), as_block=block)
    except MathError as error:
        log.warning("%s: %s", error, node.astext(), location=node)
        return ""


def made_here(app: Sphinx) -> list[str]:
    """Return the pages that a build always makes again, since more than their own file goes into them."""
    return [app.config.root_doc, *MADE]


def with_made(app: Sphinx, name: str, text: list[str]) -> None:
    """Add what is made here to its page; to the README, the front page, the contents, which GitHub has no use for."""
    if name == app.config.root_doc:
        text[0] += "\n" + Path(app.confdir, "contents.txt").read_text()
    elif name in MADE:
        text[0] += "\n" + MADE[name]()


def plain_bars(*arguments: Any) -> None:
    """Let |τ| in a docstring be an absolute value; reStructuredText would look for a substitution."""
    lines = arguments[-1]  # of the docstring, to be changed in place
    for number, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        lines[number] = "``".join(parts)


def described(app: Sphinx, tree: nodes.document) -> None:
    """Say of each picture of a notebook, which has no words of its own, which call drew it."""
    for picture in tree.findall(nodes.image):
        source = next((each for each in _before(picture) if isinstance(each, nodes.literal_block)), None)
        if not picture.get("alt") and source is not None:
            picture["alt"] = (
                f"Figure drawn by {source.astext().strip().splitlines()[-1]}; the text below says what to read"
            )


def _before(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield the nodes of the cell that a picture is the output of."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, nodes.container) and "cell" in node.get("classes", []):
            yield from node.findall()


def front_page(app: Sphinx, error: Exception | None) -> None:
    """Let the README be the page that a browser asks for."""
    if error is None:
        shutil.copy(Path(app.outdir, "README.html"), Path(app.outdir, "index.html"))
