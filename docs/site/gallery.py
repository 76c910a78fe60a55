"""The gallery: the caption that each figure has in the report, as of the demo, and a small picture of it.

`python docs/site/gallery.py results/demo` makes the pictures, of a finished run.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import yaml

from topodepth.plan import configuration, kinds

ROOT = Path(__file__).resolve().parents[2]
CAPTIONS = ROOT / "workflow/report"
PICTURES = ROOT / "docs/images/gallery"
CONFIGURATIONS = ("examples/demo.yaml", "docs/site/gallery.yaml")
# by kind of experiment; None: of the whole run. Other figures are those that a kind names.
BESIDE = {"depth": ["diagrams", "bars"], "adversarial": ["adversarial_images"], None: ["times"]}
KINDS = ("depth", "dynamics", "generalization", "adversarial", "spoofing", "similarity", None)
WIDTH, QUALITY = 1200, 80


class Wildcards(SimpleNamespace):
    """Wildcards of a rule; one that it has not is empty, as in Snakemake."""

    def __getattr__(self, name: str) -> str:
        """Return nothing for a wildcard that the rule has not."""
        return ""


def page() -> str:
    """Return the Markdown of the page."""
    return "\n".join(line for kind in KINDS for line in _section(kind))


def figures(kind: str | None) -> list[str]:
    """Return the figures of a kind of experiment."""
    own = kinds.registry.get(kind).figures if kind else ()
    return [*own, *BESIDE.get(kind, ())]


def _section(kind: str | None) -> Iterator[str]:
    yield f"## {(kind or 'cost of a run').capitalize()}"
    for figure in figures(kind):
        text = caption(figure, kind)
        yield f"\n### `{figure}`\n\n![{alternative(text)}](../images/gallery/{figure}.webp)\n"
        yield f"```{{eval-rst}}\n{text}\n```\n"


def caption(figure: str, kind: str | None) -> str:
    """Return the caption, in reStructuredText, as the report has it of the first experiment of that kind."""
    config = _config()
    wildcards = {}
    if kind:
        item = _first(kind)
        wildcards = {kinds.registry.get(kind).wildcard: item["name"], "model": item["models"][0]}
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    snakemake = SimpleNamespace(config=config, wildcards=Wildcards(**wildcards))
    template = environment.from_string((CAPTIONS / f"{figure}.rst").read_text(encoding="utf-8"))
    return template.render(snakemake=snakemake).strip()


def _first(kind: str | None) -> dict[str, Any]:
    """Return the experiment of a kind that the gallery shows; of the whole run there is none."""
    return _config()["experiments"][kind][0] if kind else {}


@cache
def _config() -> dict[str, Any]:
    """Return the configuration of the gallery, complete."""
    config: dict[str, Any] = {}
    for name in CONFIGURATIONS:
        config = configuration.merged(config, yaml.safe_load((ROOT / name).read_text(encoding="utf-8")))
    return configuration.complete(configuration.laid_over(ROOT, config), ROOT / "workflow/schemas/config.schema.yaml")


def alternative(text: str) -> str:
    """Return the first sentence of a caption in plain letters, for those who do not see the picture."""
    plain = re.sub(r"\\ :sub:`(\w+)`(\\ )?", r"_\1", " ".join(text.split()))
    sentence = re.split(r"(?<=[a-z)])\. ", plain)[0].rstrip(".")
    return re.sub(r"[*`\[\]]", "", sentence) + "."


def keep(run: Path) -> None:
    """Make a small picture of each figure of a finished run."""
    from PIL import Image

    PICTURES.mkdir(parents=True, exist_ok=True)
    for figure, kind in ((name, each) for each in KINDS for name in figures(each)):
        item = _first(kind)
        folder = run / kind / item["name"] if kind else run
        found = [*folder.rglob(f"{figure}.png"), *folder.rglob(f"{figure}/{item.get('models', [''])[0]}.png")]
        if not found:
            sys.exit(f"{folder}: expected a figure {figure}.png. Received: none.")
        with Image.open(found[0]) as picture:
            size = (WIDTH, round(picture.height * WIDTH / picture.width))
            small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        small.save(PICTURES / f"{figure}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
