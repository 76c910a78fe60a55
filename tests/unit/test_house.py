"""The house stays in order: imports point down, workers start without TensorFlow, pins and texts agree."""

import ast
import functools
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/topodepth"
SCRIPTS = ROOT / "workflow/scripts"

# From the top down; a room may import the rooms below it only.
ROOMS = [
    "cli", "study", "plan", "figures", "experiments", "tables", "attacks", "training", "activations", "networks",
    "architectures", "datasets", "similarity", "topology", "homology", "statistics", "jobs", "files", "registry",
    "plugins", "errors",
]  # fmt: skip


# scripts that run a network
NETWORKS = {"attack_model", "evaluate_model", "extract_activations", "find_layers", "train_model"}


def found(folder, pattern):
    """Return the files of a folder that match a pattern, of which there must be some: none would fail no test."""
    paths = sorted(folder.glob(pattern))
    assert paths, f"{folder} holds no {pattern}"
    return paths


def imported(path):
    """Return the dotted names of ours that a file imports, at its head or late: modules, and what it takes of them."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: expected imports by full name"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.startswith("topodepth.")}


def rooms_imported(path):
    return {name.split(".")[1] for name in imported(path)}


def module_path(name):
    """Return the file of a module or a package of ours; None for what a module holds."""
    path = PACKAGE.parent / name.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def reached(path):
    """Return the modules of ours that a file imports, itself or by others."""
    modules, pending = set(), imported(path)
    while pending:
        name = pending.pop()
        if name not in modules and module_path(name):
            modules.add(name)
            pending |= imported(module_path(name))
    return modules


def runs(code):
    """Run code in a Python of its own that finds this library."""
    code = f"import sys\nsys.path.insert(0, {str(PACKAGE.parent)!r})\n{code}"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def names_something(target, path):
    """Tell whether a docstring's reference, in the file of a module, is what it or another module holds."""
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    module = importlib.import_module(name.removesuffix(".__init__"))
    classes = [name for name, item in vars(module).items() if isinstance(item, type)]
    places = [target, *(f"{module.__name__}.{place}{target}" for place in ("", *(f"{name}." for name in classes)))]
    return any(map(is_there, places))


def is_there(dotted):
    """Tell whether there is a module, or something in one, of that name (a room may hide a module by a function)."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        return functools.reduce(lambda holder, name: getattr(holder, name, None), parts[count:], found) is not None
    return False


def misplaced(path, own):
    """Return the rooms that a file of the room ``own`` imports and may not."""
    return {room for room in rooms_imported(path) - {own} if ROOMS.index(room) < ROOMS.index(own)}


def test_every_module_has_its_room():
    names = [path.name for path in PACKAGE.iterdir() if not path.name.startswith("_") and path.name != "py.typed"]
    assert {name.removesuffix(".py") for name in names} == set(ROOMS)
    text = (PACKAGE / "__init__.py").read_text()
    listed = re.findall(r"``(\w+)``", text.split("from the lowest up:")[1].split(".")[0])
    assert listed == ROOMS[::-1]


@pytest.mark.parametrize("path", found(PACKAGE, "*/**/*.py"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down_only(path):
    assert not misplaced(path, path.relative_to(PACKAGE).parts[0])


@pytest.mark.parametrize("path", found(PACKAGE, "**/*.py"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_docstrings_refer_to_is_there(path):
    references = re.findall(r":(?:func|class|mod|meth|data|attr):`~?([^`]+)`", path.read_text())
    assert not [target for target in references if not names_something(target, path)]


def test_the_package_itself_imports_nothing():
    assert not imported(PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", found(PACKAGE, "*/**/__init__.py"), ids=lambda path: path.parent.name)
def test_a_room_says_what_it_holds_and_holds_nothing_itself(path):
    nodes = ast.parse(path.read_text()).body
    assert not [node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)]


@pytest.mark.parametrize(
    "line",
    ["import topodepth.figures.style", "from topodepth import figures", "from topodepth.plan.plan import Plan",
     "def late():\n    from topodepth.experiments import spoofing"],
)  # fmt: skip
def test_an_import_that_points_up_is_seen(line, tmp_path):
    (tmp_path / "module.py").write_text(line)
    assert misplaced(tmp_path / "module.py", "homology")


@pytest.mark.parametrize("path", [path for path in found(SCRIPTS, "*.py") if path.stem not in NETWORKS],
                         ids=lambda path: path.stem)  # fmt: skip
def test_a_worker_after_the_activations_file_never_loads_tensorflow(path):
    """All the modules that the script can reach, late imports too, are imported; TensorFlow must not come with them."""
    modules = reached(path)
    assert modules
    runs(f"""
import importlib
for name in {sorted(modules)}:
    importlib.import_module(name)
loaded = sorted(name for name in ("tensorflow", "keras", "tf_keras", "jax", "torch") if name in sys.modules)
assert not loaded, loaded
""")


def test_no_job_script_plans():
    """A plan changes with the configuration's keys; what a job computes must not depend on it."""
    modules = {path.name: reached(path) for path in found(SCRIPTS, "*.py")}
    assert not {script: names for script, names in modules.items() if any("topodepth.plan" in name for name in names)}


def test_experiments_do_not_import_each_other():
    rooms = {path.parent.name for path in found(PACKAGE / "experiments", "*/__init__.py")}
    assert rooms >= {"generalization", "adversarial", "spoofing", "summaries"}
    for path in found(PACKAGE / "experiments", "*/*.py"):
        others = {f"topodepth.experiments.{room}" for room in rooms - {path.parent.name}}
        assert not [name for name in imported(path) if name.startswith(tuple(others))], path


def test_kinds_of_experiment_know_nothing_of_each_other_and_need_nothing_heavy():
    paths = found(PACKAGE / "plan/kinds", "[!_]*.py")
    modules = {f"topodepth.plan.kinds.{path.stem}" for path in paths}
    for path in paths:
        assert not imported(path) & modules, path
    heavy = ("tensorflow", "keras", "tf_keras", "torch", "pandas", "scipy", "matplotlib", "onnxruntime", "snakemake")
    runs(f"""
import topodepth.plan
from topodepth.plan import kinds
assert [kinds.registry.get(name) for name in kinds.registry.names()]
loaded = sorted(name for name in {heavy} if name in sys.modules)
assert not loaded, loaded
""")


def test_a_homology_job_runs_to_its_end_without_tensorflow(tmp_path):
    runs(f"""
import runpy, h5py, numpy
with h5py.File({str(tmp_path / "a.h5")!r}, "w") as file:
    file["layers/000_first"] = numpy.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    file["labels"] = numpy.arange(60) % 2
for script, extra in (("compute_diagrams", []), ("estimate_dimensions", ["--settings",
                      '{{"estimators": ["ph_dimension", "two_nn", "mle"], "parameters": {{}}}}'])):
    sys.argv = [script, "--activations", {str(tmp_path / "a.h5")!r}, "--layer", "first", "--out",
                {str(tmp_path)!r} + "/" + script, *extra]
    runpy.run_path({str(SCRIPTS)!r} + "/" + script + ".py", run_name="__main__")
assert not {{"tensorflow", "keras", "tf_keras"}} & set(sys.modules)
""")
    assert (tmp_path / "compute_diagrams").exists()
    assert (tmp_path / "estimate_dimensions").exists()


def locked_versions(package, python):
    """The versions of a package that the locks hold for a version of Python: at most one."""
    text = "".join((ROOT / lock).read_text() for lock in ("requirements.lock", "requirements-torch.lock"))
    found = re.findall(rf"^{re.escape(package)}==([^ ;\\]+)(?: ; ([^\\\n]+))?", text, flags=re.MULTILINE)
    here = {"python_full_version": f"{python}.0", "python_version": python}
    return {version for version, marker in found if not marker or Marker(marker).evaluate(here)}


@pytest.mark.parametrize("path", found(ROOT / "envs", "*.yaml"), ids=lambda path: path.stem)
def test_pins_of_conda_environments_agree_with_the_lock(path):
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    pins = next(item["pip"] for item in dependencies if isinstance(item, dict))
    python = next(item.partition("=")[2] for item in dependencies if str(item).startswith("python="))
    assert pins
    for pin in pins:
        package, version = pin.split("==")
        assert {version} == locked_versions(package, python), f"{pin} is not what the lock holds"


def test_the_homology_workers_environment_has_no_network_library():
    text = (ROOT / "envs/homology.yaml").read_text()
    dependencies = text.split("dependencies:")[1]
    assert not re.search(r"tensorflow|keras|torch|jax", dependencies)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-torch.lock"])
def test_every_package_in_a_lock_has_hashes_and_no_address(lock):
    text = (ROOT / lock).read_text()
    assert "://" not in text
    for entry in re.split(r"\n(?=[a-z0-9])", text.strip()):
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_function_has_ten_parameters_or_more(path):
    """A record of settings, a frozen dataclass, says them together."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            names = [one.arg for one in every if one]
            assert len(names) < 10, f"{getattr(node, 'name', 'lambda')} takes {', '.join(names)}"


def test_the_lock_of_pytorch_holds_only_what_the_other_does_not():
    names = [
        set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / lock).read_text(), flags=re.MULTILINE))
        for lock in ("requirements.lock", "requirements-torch.lock")
    ]
    assert "torch" in names[1]
    assert not names[0] & names[1]


def test_files_stay_short():
    folders = [ROOT / folder for folder in ("src", "workflow/scripts", "tests", "benchmarks")]
    sources = [path for folder in folders for path in found(folder, "**/*.py")] + found(ROOT / "workflow", "**/*.smk")
    lengths = {path: len(path.read_text().splitlines()) for path in sources}
    assert max(lengths.values()) <= 400, max(lengths, key=lengths.get)
    assert len((ROOT / "workflow/Snakefile").read_text().splitlines()) <= 60


def test_every_folder_of_tests_is_collected():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    folders = {path.relative_to(ROOT).parts[:2] for path in found(ROOT / "tests", "**/test_*.py")}
    assert {*settings["testpaths"]} == {"/".join(folder) for folder in folders}


def test_every_result_in_the_report_has_one_label():
    """With a second label of two values the report's page takes it for a switch, and goes blank on a click."""
    rules = "".join(path.read_text() for path in found(ROOT / "workflow/rules", "*.smk"))
    labels = re.findall(r"labels=(\{.*?\}),?\n", rules)
    assert len(labels) == rules.count("report(\n") > 0
    assert all(label.count('": ') == 1 for label in labels)
