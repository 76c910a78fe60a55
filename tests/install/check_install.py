"""Build the package, install it in an empty environment with the lock's hashes, and use it there.

``make test-install``: about a minute, most of it to download and unpack six packages.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "src")
HEAVY = ("tensorflow", "keras", "torch", "onnxruntime", "snakemake", "sklearn", "requests", "yaml")

USED = f"""
import importlib.util, sys, time
start = time.perf_counter()
import topodepth as td
assert time.perf_counter() - start < 0.3
assert not [name for name in {HEAVY!r} if importlib.util.find_spec(name)], "expected an empty environment"

import numpy as np
rng = np.random.default_rng(0)
labels = np.arange(90) % 3
layers = {{"conv1": rng.normal(size=(90, 6)) + labels[:, None], "fc": rng.normal(size=(90, 3))}}
measured = td.measure(layers=layers, labels=labels, progress=False)
assert {{"lifespan_sum", "ph_dimension"}} <= set(measured.table["descriptor"]), measured.table
assert (measured.diagrams["fc"].data["0"][1][:, 1] > measured.diagrams["fc"].data["0"][1][:, 0]).all()
td.draw.depth(measured).savefig("depth.png")
assert "<img" in measured._repr_html_()
measured.save("mine.h5")
again = td.measure("mine.h5", progress=False)
assert again.table["value"].equals(measured.table["value"])

def told(call, expected):
    try:
        call()
    except td.InputError as error:
        assert expected in str(error) and "\\n" not in str(error), error
    else:
        raise AssertionError(expected)

told(lambda: td.features(measured), "pip install 'scikit-learn'")
told(lambda: td.measure("{{model}}", np.zeros((60, 8, 8, 1)), progress=False), "pip install 'topodepth[tensorflow]'")
"""


def main() -> None:
    """Build, compare, install, use."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        wheel, sdist = build(made)
        compare(wheel, sdist, made)
        python = install(wheel, made)
        use(python, made)
    print("The wheel and the source distribution build, install in an empty environment, and work.")  # noqa: T201


def build(folder: Path) -> tuple[Path, Path]:
    """Return the wheel and the source distribution, built from a copy."""
    copy = folder / "source"
    copy.mkdir()
    for name in SOURCES:
        source = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(source, copy / name, ignore=ignored) if source.is_dir() else shutil.copy(source, copy)
    return built("wheel", copy, folder), built("sdist", copy, folder)


def built(kind: str, source: Path, out: Path) -> Path:
    """Return what the build back end makes of a folder of sources."""
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True, text=True)
    return out / done.stdout.splitlines()[-1]


def compare(wheel: Path, sdist: Path, folder: Path) -> None:
    """Refuse a wheel that lacks a module, or a source distribution that gives another wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith("topodepth/")}
    expected = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src/topodepth").rglob("*") if path.is_file() and path.suffix != ".pyc"
    }  # fmt: skip
    assert names == expected, names ^ expected
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    again = built("wheel", next((folder / "unpacked").iterdir()), folder / "unpacked")
    contents = []
    for path in (wheel, again):
        with zipfile.ZipFile(path) as archive:
            contents.append({name: archive.read(name) for name in archive.namelist() if "RECORD" not in name})
    assert contents[0] == contents[1], "the source distribution gives another wheel"


def locked_core(wheel: Path) -> str:
    """Return the part of the lock file that the wheel needs without any extra."""
    needed, pending = set(), required(next(importlib.metadata.distributions(path=[str(wheel)])).requires)
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += required(importlib.metadata.requires(name))
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / "requirements.lock").read_text().strip())
    kept = [entry for entry in entries if canonicalize_name(re.match(r"[A-Za-z0-9._-]+", entry)[0]) in needed]
    return "\n".join(kept) + "\n"


def required(lines: Iterable[str] | None) -> list[str]:
    """Return the names of the packages that requirements ask for here, without extras."""
    found = map(Requirement, lines or [])
    return [canonicalize_name(each.name) for each in found if not each.marker or each.marker.evaluate({"extra": ""})]


def install(wheel: Path, folder: Path) -> Path:
    """Return the Python of a new environment with the locked core and the wheel."""
    venv.create(folder / "empty", with_pip=True)
    python = folder / "empty/bin/python"
    (folder / "core.lock").write_text(locked_core(wheel))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "-r", folder / "core.lock"], check=True)
    subprocess.run([*pip, wheel], check=True)
    subprocess.run([python, "-m", "pip", "check", "--disable-pip-version-check"], check=True, stdout=subprocess.DEVNULL)
    return python


def use(python: Path, folder: Path) -> None:
    """Measure, draw and be refused, in Python and with the command."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    model = folder / "model.keras"
    write_model(model)

    def run(*command: object, code: int = 0) -> str:
        done = subprocess.run(
            [str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    run(python, "-c", USED.replace("{model}", str(model)))
    command = folder / "empty/bin/topodepth"
    assert "examples:" in run(command, "--help")
    assert "2 layers, 90 points" in run(command, "check", "mine.h5")
    run(command, "measure", "mine.h5", "--quiet", "--out", "table.csv", "--figure", "depth.svg")
    assert (folder / "table.csv").read_text().startswith("run,model,dataset,layer_index")
    refused = run(command, "measure", model, "data.npz", code=1)
    assert refused.count("\n") == 1, refused


def write_model(path: Path) -> None:
    """Write a small Keras file, by hand: Keras takes seconds to start."""
    import json

    layers = [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 8, 8, 1]}, "inbound_nodes": []},
        {"class_name": "Flatten", "config": {"name": "out"},
         "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {
             "shape": [None, 8, 8, 1], "dtype": "float32", "keras_history": ["in", 0, 0]}}], "kwargs": {}}]},
    ]  # fmt: skip
    config = {"name": "flat", "layers": layers, "input_layers": [["in", 0, 0]], "output_layers": [["out", 0, 0]]}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Functional", "config": config}))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("model.weights.h5", b"")


if __name__ == "__main__":
    main()
