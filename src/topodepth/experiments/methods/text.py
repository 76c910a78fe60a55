"""The methods of a run as a page of Markdown, whose citations ``pandoc --citeproc`` resolves."""

from collections.abc import Iterable, Iterator

from topodepth.experiments.methods import compared, measured
from topodepth.experiments.methods.run import Run

HEAD = """---
bibliography: references.bib
---

# Methods

"""


def methods(run: Run, version: str | None) -> str:
    """Return the methods of a run in short sentences, about what it did and nothing else.

    Parameters
    ----------
    run
        That is finished: sentences tell numbers of its tables.
    version
        Of topodepth, where it is known.
    """
    parts = [("Data and networks", measured.data(run)), ("What was measured", measured.images(run))]
    parts += [("Persistent homology", measured.homology(run))] if run.measures("topology") else []
    parts += [("Intrinsic dimension", measured.dimension(run))] if run.measures("dimension") else []
    parts += [(title, _of_kind(run, kind)) for kind, (title, _) in compared.KINDS.items()]
    parts += [("Software", _software(run, version))]
    return HEAD + "\n".join(_paragraph(title, sentences) for title, sentences in parts).replace("\n\n\n", "\n\n")


def _of_kind(run: Run, kind: str) -> Iterator[str]:
    for each in run.experiments(kind):
        yield from compared.KINDS[kind][1](run, each)


def _paragraph(title: str, sentences: Iterable[str]) -> str:
    text = " ".join(sentences)
    return f"**{title}.** {text}\n" if text else ""


def _software(run: Run, version: str | None) -> Iterator[str]:
    models = [name for name in run.entries if name in run.config["models"]]
    trained = any(run.config["models"][name]["architecture"] for name in models)
    opened = set().union(*map(run.opened, models))
    own = f"topodepth{f' {version}' if version else ''}"
    yield (
        f"All was computed by {own}, as a Snakemake{run.version('snakemake')} workflow [@molder2021] in Python"
        f"{run.version('python')}, with NumPy{run.version('numpy')} [@harris2020] and "
        f"SciPy{run.version('scipy')} [@virtanen2020]."
    )
    if "keras" in opened:
        yield (
            f"Keras{run.version('keras')} [@chollet2015] on TensorFlow{run.version('tensorflow')} [@abadi2016] "
            f"{'trained and ran networks' if trained else 'ran the networks that are files of Keras'}."
        )
    if "onnx" in opened:
        yield f"ONNX Runtime{run.version('onnxruntime')} [@onnxruntime2021] ran the networks that are ONNX files."
    if "torch" in opened:
        yield f"PyTorch{run.version('torch')} [@paszke2019] ran the networks that are written for it."
    if run.config["protocol"] == "original":
        yield "The choices of the original code were repeated where the two differ [@magai2022]."
    yield (
        f"The run's seed is {run.config['seed']}; configuration, versions, checksums and digests of the code are in "
        "`provenance.json`."
    )
