"""The command ``topodepth``: measure a model, check a file, draw a table, say what tables hold, begin a study.

Exit codes: 0 all went well; 1 a mistake in what was given, told in one line; 2 a mistake in the command itself.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topodepth import __version__
from topodepth.errors import InputError

if TYPE_CHECKING:
    from topodepth.networks.openers import Source

EXAMPLES = """examples:
  topodepth measure my_activations.h5 --out table.csv --figure depth.png
  topodepth measure model.keras images.npz --normalisation unit --layers 'block*' logits --out table.csv
  topodepth measure model.keras digits --size 32 --images 500 --save activations.h5
  topodepth measure my_nets.py:resnet20 images.npz --weights w.safetensors --mean 0.5 --std 0.25 --trust
  topodepth measure my_activations.h5 --cost
  topodepth check my_activations.h5
  topodepth draw table.csv --out depth.pdf
  topodepth tables
  topodepth init my_study
"""
FIGURES = ("depth", "depth_models", "dimension", "dimension_scale")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, call, print; a user's mistake ends it with one line and exit code 1."""
    chosen = _parser().parse_args(arguments)
    from topodepth.jobs.commands import run

    run(lambda: chosen.call(chosen))


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("topodepth", description=__doc__, epilog=EXAMPLES, formatter_class=plain)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_measure(commands.add_parser("measure", help="measure a model on data, or an activations file", epilog=EXAMPLES,
                                     formatter_class=plain, description=_measure.__doc__))  # fmt: skip
    check = commands.add_parser(
        "check", help="say what is in a file, or what is wrong with it", description=_check.__doc__
    )
    check.add_argument("file", help="activations file, or model file")
    check.add_argument("--trust", action="store_true", help="accept a model file that carries code")
    check.set_defaults(call=_check)
    draw = commands.add_parser("draw", help="draw a table by depth", description=_draw.__doc__)
    draw.add_argument("tables", nargs="+", metavar="FILE", help="CSV that `measure` or the pipeline wrote")
    draw.add_argument("--figure", choices=FIGURES, default=FIGURES[0], help="which figure (default: %(default)s)")
    draw.add_argument("--title", default="", help="title above it")
    draw.add_argument("--out", required=True, nargs="+", metavar="FILE", help="pictures to make: .png, .svg, .pdf")
    draw.set_defaults(call=_draw)
    tables = commands.add_parser(
        "tables", help="say what every column of every table means", description=_tables.__doc__
    )
    tables.set_defaults(call=_tables)
    init = commands.add_parser("init", help="write a commented configuration, ready to run", description=_init.__doc__)
    init.add_argument("folder", metavar="DIR", help="folder to write it to; made if need be")
    init.set_defaults(call=_init)
    return parser


def _add_measure(parser: argparse.ArgumentParser) -> None:
    from topodepth.study.settings import PASSING_CHOICES

    parser.add_argument("model", help="model file (.keras, .h5, .onnx), code of a PyTorch model (my_nets.py:resnet20), "
                                      "or activations file (docs/activations.md)")  # fmt: skip
    parser.add_argument("data", nargs="?", help=".npz, HDF5, folder of images by class, `digits`, or loader:path")
    parser.add_argument("--name", help="name of the model in the table; that of the file if left out")
    parser.add_argument("--layers", nargs="+", default=["auto"], help="names or patterns, in quotes (default: auto)")
    of_data = parser.add_argument_group("images")
    of_data.add_argument("--split", choices=("train", "validation", "test", "train+validation"), default="train",
                         help="of the data (default: %(default)s)")  # fmt: skip
    of_data.add_argument("--images", type=int, default=3000, help="how many are drawn (default: %(default)s)")
    of_data.add_argument("--size", type=int, help="resize images to SIZE × SIZE pixels")
    of_data.add_argument("--normalisation", default="auto", help="auto, raw, unit, centred, channel or global")
    of_data.add_argument("--mean", nargs="+", type=float, help="in place of it: one number, or one for each channel")
    of_data.add_argument("--std", nargs="+", type=float, help="beside --mean")
    of_data.add_argument("--layout", choices=PASSING_CHOICES["layout"], default="auto",
                         help="of what an ONNX or PyTorch model takes (default: %(default)s)")  # fmt: skip
    of_data.add_argument("--trust", action="store_true", help="run code that the model file carries, or is")
    of_code = parser.add_argument_group("PyTorch model")
    of_code.add_argument("--weights", metavar="FILE", help=".safetensors, or of torch.save; as the code makes them")
    of_code.add_argument("--arguments", type=_record, metavar="JSON", help="keyword arguments of the code")
    out = parser.add_argument_group("results")
    out.add_argument("--out", metavar="CSV", help="table to make; standard output if left out")
    out.add_argument(
        "--figure", nargs="+", default=[], metavar="FILE", help="figures by depth to make: .png, .svg, .pdf"
    )
    out.add_argument("--save", metavar="HDF5", help="activations file to make, which the pipeline reads")
    out.add_argument("--cost", action="store_true", help="say what it will cost, and measure nothing")
    out.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(call=_measure)
    _add_settings(parser.add_argument_group("settings", "What is measured, as docs/python.md says; None: no limit."))


def _add_settings(group: argparse._ArgumentGroup) -> None:
    """Add a flag for each field of the settings."""
    from topodepth.study.settings import Settings

    plain = Settings()
    for field in fields(Settings):
        default = getattr(plain, field.name)
        several = isinstance(default, tuple) or field.name in ("classes", "sizes")
        default = " ".join(default) if isinstance(default, tuple) else default
        group.add_argument(
            f"--{field.name.replace('_', '-')}", nargs="*" if several else None, type=_value, dest=f"set {field.name}",
            default=argparse.SUPPRESS, metavar=field.name.upper(), help=f"default: {default}",
        )  # fmt: skip


def _value(text: str) -> Any:
    """Return a number as a number, ``none`` as None, a JSON object as that, and anything else as the text it is."""
    if text.lower() in ("none", "null"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | dict) and not isinstance(value, bool) else text


def _record(text: str) -> dict[str, Any]:
    value = _value(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f'expected JSON such as {{"width": 32}}. Received: {text}')
    return value


def _normalisation(chosen: argparse.Namespace) -> str:
    if (chosen.mean is None) != (chosen.std is None):
        raise InputError(f"--mean, --std: expected both or none. Received: {chosen.mean} and {chosen.std}.")
    if chosen.mean is None:
        return str(chosen.normalisation)
    if chosen.normalisation != "auto":
        raise InputError(f"--mean: expected in place of --normalisation. Received: {chosen.normalisation!r} beside it.")
    return json.dumps({"mean": chosen.mean, "std": chosen.std})


def _measure(chosen: argparse.Namespace) -> None:
    """Measure topology and dimension of every layer: of a model on data, or of an activations file."""
    import topodepth as td

    settings = {key[4:]: value for key, value in vars(chosen).items() if key.startswith("set ")}
    layers = chosen.layers[0] if chosen.layers == ["auto"] else chosen.layers
    common: dict[str, Any] = {"layers": layers, "name": chosen.name, **settings}
    call = td.estimate if chosen.cost else td.measure
    told: dict[str, Any] = {} if chosen.cost else {"progress": not chosen.quiet}
    from topodepth.study import code

    source = code.source_of(chosen.model, weights=chosen.weights, arguments=chosen.arguments, trust=chosen.trust,
                            layout=chosen.layout)  # fmt: skip
    if chosen.data is not None:
        found = _measured_on_images(chosen, source, call, common | told)
    elif source is not None:
        raise InputError(f"{chosen.model}: expected images beside a model. Received: none.")
    else:
        found = call(chosen.model, **common, **told)
    return _give(found, chosen)


def _measured_on_images(
    chosen: argparse.Namespace, source: "Source | None", call: Callable[..., Any], told: dict[str, Any]
) -> Any:
    """Call with a model and images as the pipeline draws and normalises them; ``source`` is that of a model of code."""
    from topodepth.datasets import samples
    from topodepth.networks.normalisation import PLAIN, normalisation
    from topodepth.study import code
    from topodepth.study.data import opened

    how, model = _normalisation(chosen), chosen.model
    if source is None:
        how, _ = normalisation(how, model, trust=chosen.trust)
        told |= {"trust": chosen.trust} | ({"layout": chosen.layout} if chosen.layout != "auto" else {})
    with opened(chosen.data, chosen.size) as data:
        rows = samples.choose(data, chosen.split, images=chosen.images, seed=told.get("seed", 0))
        images = data.images(chosen.split)
        normalise: Any = data.normaliser(PLAIN if how == "auto" else how)
        if source is not None:
            model, normalise = code.opened(source, normalise, images[:2])
            told["name"] = chosen.name or source.torch["name"]
        return call(model, images, data.labels(chosen.split), indices=rows, normalise=normalise, **told)


def _give(found: Any, chosen: argparse.Namespace) -> None:
    """Write what was found to where it was asked for."""
    if chosen.cost:
        lines = [f"  {each.layer}: {each.points} points a cloud, {each.d} features, {each.memory / 1e6:.0f} MB, "
                 f"{each.seconds:.1f} s" for each in found.layers]  # fmt: skip
        sys.stdout.write("\n".join([str(found), *lines]) + "\n")
        return
    if chosen.out:
        found.write_table(chosen.out)
    else:
        found.table.to_csv(sys.stdout, index=False)
    if chosen.save:
        found.save(chosen.save)
    if chosen.figure:
        from topodepth.figures import style
        from topodepth.study import draw

        figure = draw.depth(found)
        for path in chosen.figure:
            style.save(figure, path)


def _check(chosen: argparse.Namespace) -> None:
    """Say what is in an activations file or a model file, or exactly what is wrong with it (exit code 1)."""
    from topodepth.study.sources import holds_model

    path = Path(chosen.file)
    if holds_model(path):
        from topodepth.networks.files import auto_layers, inspect
        from topodepth.networks.onnx_file import OnnxFile

        found = inspect(path, trust=chosen.trust)
        layers = auto_layers(path, trust=chosen.trust)
        kind = f"ONNX, opset {found.opset}" if isinstance(found, OnnxFile) else f"Keras {found.keras_version}"
        lines = [f"{path}: model {found.name!r}, {len(found.layers)} layers, of {kind}"]
        sys.stdout.write("\n".join([*lines, f"  layers: auto taps {', '.join(map(str, layers))}"]) + "\n")
        return
    from topodepth.activations.report import report

    sys.stdout.write(report(path))


def _draw(chosen: argparse.Namespace) -> None:
    """Draw tables by depth, a curve for each model in them."""
    import importlib

    import pandas

    from topodepth.figures import style
    from topodepth.files import texts

    table = pandas.concat([texts.read_table(path) for path in chosen.tables], ignore_index=True)
    figure = importlib.import_module(f"topodepth.figures.{chosen.figure}").draw(table, title=chosen.title)
    for path in chosen.out:
        style.save(figure, path)


def _tables(chosen: argparse.Namespace) -> None:
    """Print the data dictionary: every table of the pipeline and every column of it, in Markdown."""
    from topodepth.tables import dictionary

    sys.stdout.write(dictionary.markdown())


def _init(chosen: argparse.Namespace) -> None:
    """Write a commented configuration that Snakemake runs as it is, with your own models and data to be filled in."""
    from topodepth.files import texts

    repository = Path(__file__).resolve().parents[2]
    if not (repository / "Snakefile").is_file():
        raise InputError(
            "init: expected a clone of the repository, which has the pipeline's rules: git clone it, then make demo. "
            f"Received: the library alone, in {Path(__file__).parent}."
        )
    made = Path(chosen.folder, "mine.yaml")
    if made.exists():
        raise InputError(f"{made}: expected a new file. Received: one that is there already.")
    text = (repository / "examples/first.yaml").read_text(encoding="utf-8")
    text = text.replace("-s Snakefile", f"-s {repository / 'Snakefile'}").replace("examples/first.yaml", made.name)
    texts.write_text(made, text)
    sys.stdout.write(f"{made}: written. Next, in {made.parent}:\n  {_command(text)}\n")


def _command(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("#   snakemake")).removeprefix("#").strip()


if __name__ == "__main__":
    main()
