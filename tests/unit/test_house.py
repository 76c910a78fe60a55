"""The house stays in order: imports point down, workers start without TensorFlow, pins and texts agree."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from topodepth.jobs import reach

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/topodepth"

# From the top down; a room may import the rooms below it only.
ROOMS = [
    "figures", "experiments", "tables", "plan", "attacks", "training", "activations", "networks", "architectures",
    "datasets", "topology", "homology", "statistics", "jobs", "files", "registry", "errors",
]  # fmt: skip


def rooms_imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "topodepth":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("topodepth."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("topodepth."))


def test_every_module_has_its_room():
    rooms = {path.stem if path.suffix else path.name for path in PACKAGE.iterdir() if not path.name.startswith("_")}
    assert rooms == set(ROOMS)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down_only(path):
    parts = path.relative_to(PACKAGE).parts
    own = parts[0].removesuffix(".py")
    for room in rooms_imported(path):
        if own not in ("__init__", room):
            assert ROOMS.index(room) > ROOMS.index(own), f"{own} imports {room}"


@pytest.mark.parametrize("script", ["compute_diagrams", "compute_attacked_diagrams", "estimate_dimensions",
                                    "describe_model", "join_tables", "tabulate_diagrams", "tabulate_accuracy",
                                    "draw_figure", "draw_sample", "prepare_dataset", "extract_pixels", "compare_spoofs",
                                    "join_spoofs", "summarize", "compare_attacks", "join_generalization",
                                    "associate_measures"])  # fmt: skip
def test_a_worker_after_the_activations_file_never_loads_tensorflow(script):
    """All the modules that the script can reach, late imports too, are imported; TensorFlow must not come with them."""
    code = f"""
import ast, importlib, sys
sys.path.insert(0, {str(ROOT / "src")!r})
from topodepth.jobs import reach
from pathlib import Path
pending = list(reach.imports(Path({str(ROOT / "workflow/scripts" / script)!r} + ".py")))
reached = set()
while pending:
    module = pending.pop()
    path = reach.module_path(module)
    # extraction needs a network; reading activations does not
    if path and module not in reached and module not in ("topodepth.networks.models", "topodepth.training.training"):
        reached.add(module)
        pending.extend(reach.imports(path))
        importlib.import_module(module)
assert reached
loaded = sorted(name for name in ("tensorflow", "keras", "tf_keras", "jax", "torch") if name in sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


def test_no_job_script_plans():
    """A plan changes with the configuration's keys; what a job computes must not depend on it."""
    for script in (ROOT / "workflow/scripts").glob("*.py"):
        reached, pending = set(), list(reach.imports(script))
        while pending:
            module = pending.pop()
            path = reach.module_path(module)
            if path and module not in reached:
                reached.add(module)
                pending.extend(reach.imports(path))
        assert not [module for module in reached if module.startswith("topodepth.plan")], script.name


def test_rooms_of_experiments_do_not_import_each_other():
    rooms = {"generalization", "adversarial", "spoofing", "summaries"}
    for room in rooms:
        for path in (PACKAGE / room).glob("*.py"):
            assert not (set(rooms_imported(path)) & rooms) - {room}, path


def test_kinds_of_experiment_know_nothing_of_each_other_and_need_nothing_heavy():
    modules = [f"topodepth.plan.kinds.{path.stem}" for path in (PACKAGE / "plan/kinds").glob("[!_]*.py")]
    for module in modules:
        imported = set(reach.imports(reach.module_path(module)))
        assert not imported & {*modules}
    heavy = ("tensorflow", "keras", "tf_keras", "torch", "pandas", "scipy", "matplotlib", "onnxruntime", "snakemake")
    code = f"""
import sys
sys.path.insert(0, {str(ROOT / "src")!r})
import topodepth.plan
from topodepth.plan import kinds
assert [kinds.registry.get(name) for name in kinds.registry.names()]
loaded = sorted(name for name in {heavy} if name in sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


def test_a_homology_job_runs_to_its_end_without_tensorflow(tmp_path):
    code = f"""
import sys, runpy, h5py, numpy
with h5py.File({str(tmp_path / "a.h5")!r}, "w") as file:
    file["layers/000_first"] = numpy.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    file["labels"] = numpy.arange(60) % 2
for script, extra in (("compute_diagrams", []), ("estimate_dimensions", ["--settings",
                      '{{"estimators": ["ph_dimension", "two_nn", "mle"], "parameters": {{}}}}'])):
    sys.argv = [script, "--activations", {str(tmp_path / "a.h5")!r}, "--layer", "first", "--out",
                {str(tmp_path)!r} + "/" + script, *extra]
    runpy.run_path({str(ROOT / "workflow/scripts")!r} + "/" + script + ".py", run_name="__main__")
assert not {{"tensorflow", "keras", "tf_keras"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (tmp_path / "compute_diagrams").exists()
    assert (tmp_path / "estimate_dimensions").exists()


def locked_versions(package):
    found = re.findall(
        rf"^{re.escape(package)}==([^ ;\\]+)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE
    )
    return set(found)


@pytest.mark.parametrize("path", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda path: path.stem)
def test_pins_of_conda_environments_agree_with_the_lock(path):
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    pins = next(item["pip"] for item in dependencies if isinstance(item, dict))
    assert pins
    for pin in pins:
        package, version = pin.split("==")
        assert version in locked_versions(package), f"{pin} is not what the lock holds: {locked_versions(package)}"


def test_the_homology_workers_environment_has_no_network_library():
    text = (ROOT / "envs/homology.yaml").read_text()
    dependencies = text.split("dependencies:")[1]
    assert not re.search(r"tensorflow|keras|torch|jax", dependencies)


def test_every_package_in_the_lock_has_hashes_and_no_address():
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    for entry in re.split(r"\n(?=[a-z0-9])", text.strip()):
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_files_stay_short():
    sources = [path for folder in ("src", "workflow", "tests") for path in (ROOT / folder).rglob("*")]
    lengths = {path: len(path.read_text().splitlines()) for path in sources if path.suffix in (".py", ".smk")}
    assert max(lengths.values()) <= 420, max(lengths, key=lengths.get)
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= 60


def test_every_result_in_the_report_has_one_label():
    """With a second label of two values the report's page takes it for a switch, and goes blank on a click."""
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    labels = re.findall(r"labels=(\{.*?\}),?\n", rules)
    assert len(labels) == rules.count("report(\n")
    assert all(label.count('": ') == 1 for label in labels)
