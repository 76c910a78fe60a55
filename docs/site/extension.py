"""What the site has beside the Markdown files: formulas without scripts, pages made of the schema and the library."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gallery
import keys
import names
from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from pygments.lexers import PythonLexer, TextLexer
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

log = logging.getLogger(__name__)

MADE = {"docs/site/configuration": keys.page, "docs/site/gallery": gallery.page}


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of all of it."""
    app.add_html_math_renderer("mathml", (inline_formula, None), (block_formula, None))
    app.config.html_math_renderer = "mathml"
    app.add_lexer("snakemake", PythonLexer)
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", with_made)
    app.connect("autodoc-process-docstring", plain_docstring)
    app.connect("doctree-read", described)
    app.connect("env-check-consistency", all_public)
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


def with_made(app: Sphinx, name: str, text: list[str]) -> None:
    """Add what is made here to its page; to the README, the front page, the contents, which GitHub has no use for."""
    if name == app.config.root_doc:
        text[0] += "\n" + Path(app.confdir, "contents.txt").read_text()
    elif name in MADE:
        text[0] += "\n" + MADE[name]()
    elif name.startswith("docs/site/reference/"):
        text[0] = names.with_constants(text[0])


def plain_docstring(*arguments: Any) -> None:
    """Let |τ| in a docstring be an absolute value, not a substitution; a constant has no docstring but its type's."""
    what, lines = arguments[1], arguments[-1]  # the lines are to be changed in place
    if what == "data":
        lines[:] = []
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


def all_public(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that the reference lacks."""
    for name in names.public() - env.domains.python_domain.objects.keys():
        log.warning("docs/site/reference lacks the public name %s", name)


def front_page(app: Sphinx, error: Exception | None) -> None:
    """Let the README be the page that a browser asks for."""
    if error is None:
        shutil.copy(Path(app.outdir, "README.html"), Path(app.outdir, "index.html"))
