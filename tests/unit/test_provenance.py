"""The digest of the code behind a result changes with its logic, and with nothing else."""

import ast
import shutil
from pathlib import Path

import pytest

from topodepth.errors import InputError
from topodepth.jobs import provenance, reach
from topodepth.jobs.digests import Kept

ROOT = Path(__file__).parents[2]


SCRIPTS = ROOT / "workflow/scripts"


def digests():
    """Return the digest of the code behind every kind of job, as rules ask for it."""
    told = {"draw_figure": ["figures.depth"], "train_model": ["architectures.vgg"], "prepare_dataset": ["datasets.npz"],
            "summarize": ["experiments.summaries.depth"]}  # fmt: skip
    reach.module.cache_clear()
    reach._script.cache_clear()
    return {
        path.stem: provenance.code_digest(path, [f"topodepth.{name}" for name in told.get(path.stem, [])])
        for path in sorted(SCRIPTS.glob("*.py"))
    }


@pytest.fixture(scope="module")
def before():
    return digests()


@pytest.fixture
def changed(before, monkeypatch):
    """Gives the kinds of job whose digest differs when sources are read through ``change(path, text)``."""

    def kinds(change):
        monkeypatch.setattr(reach, "read", lambda path: change(path, path.read_text(encoding="utf-8")))
        after = digests()
        return {name for name in before if after[name] != before[name]}

    yield kinds
    reach.module.cache_clear()
    reach._script.cache_clear()


class Changed(ast.NodeTransformer):
    """Adds a statement to one function of a module, or to a method of a class."""

    def __init__(self, name):
        self.name, self.count = name, 0

    def visit_FunctionDef(self, node):
        if node.name == self.name:
            self.count += 1
            node.body.append(ast.parse("REMARK = 1").body[0])
        return self.generic_visit(node)


def function(module, name):
    """A change of one function."""

    def change(path, text):
        if path != ROOT / "src/topodepth" / module:
            return text
        tree, editor = ast.parse(text), Changed(name)
        made = ast.unparse(editor.visit(tree))
        assert editor.count, f"{module} no longer holds {name}"
        return made

    return change


NETWORKS = {"train_model", "evaluate_model", "extract_activations", "attack_model"}
DIAGRAMS = {"compute_diagrams", "compute_attacked_diagrams", "compare_spoofs"}
STATISTICS = {"associate_measures"}


@pytest.mark.parametrize(
    ("module", "name", "at_least", "never"),
    [
        ("homology/spanning_tree.py", "minimum_spanning_tree_lengths", DIAGRAMS | {"estimate_dimensions"},
         NETWORKS | {"describe_model", "draw_figure", "prepare_dataset"}),
        ("homology/h1.py", "h1_diagrams", DIAGRAMS, NETWORKS | {"estimate_dimensions", "describe_model"}),
        ("topology/descriptors.py", "lifespan_sum", {"describe_model", "compare_attacks", "compare_spoofs"},
         NETWORKS | {"compute_diagrams", "estimate_dimensions"}),
        ("topology/diagrams.py", "write_diagrams", {"compute_diagrams"},
         NETWORKS | {"describe_model", "tabulate_diagrams"}),
        ("tables/tables.py", "pool_seeds", {"join_tables"}, NETWORKS | DIAGRAMS | {"describe_model"}),
        ("statistics/partial.py", "partial_correlations", {"associate_measures"},
         NETWORKS | DIAGRAMS | {"join_tables"}),
        ("statistics/intervals.py", "ratio_interval", {"describe_model"}, NETWORKS | DIAGRAMS),
        ("training/augmentation.py", "random_transforms", {"train_model"}, DIAGRAMS | {"extract_activations"}),
        ("architectures/vgg.py", "build", {"train_model"}, DIAGRAMS | {"extract_activations", "evaluate_model"}),
        ("datasets/npz.py", "load", {"prepare_dataset"}, NETWORKS | DIAGRAMS),
        ("networks/onnx_layers.py", "_dense", {"extract_activations", "attack_model"}, DIAGRAMS | {"train_model"}),
        ("activations/extraction.py", "write_activations", {"extract_activations"},
         DIAGRAMS | {"train_model", "describe_model"}),
        ("attacks/attacks.py", "fgsm", {"attack_model"}, DIAGRAMS | {"train_model", "extract_activations"}),
        ("experiments/summaries/depth.py", "page", {"summarize"}, NETWORKS | DIAGRAMS | {"describe_model"}),
        ("figures/depth.py", "draw", {"draw_figure"}, NETWORKS | DIAGRAMS | {"summarize"}),
        ("files/archives.py", "unpack", {"unpack_asset"}, NETWORKS | DIAGRAMS | {"draw_figure"}),
        ("jobs/memory.py", "require", {"compute_diagrams", "estimate_dimensions"}, NETWORKS),
    ],
)  # fmt: skip
def test_a_changed_function_counts_where_it_is_reached(changed, module, name, at_least, never):
    found = changed(function(module, name))
    assert at_least <= found
    assert not found & never


def test_how_a_run_is_planned_makes_no_result_again(changed):
    assert changed(function("plan/plan.py", "folder")) == set()


def replaced(module, old, new):
    """A change of a text in one file."""

    def change(path, text):
        if path != ROOT / "src/topodepth" / module:
            return text
        assert old in text, f"{module} no longer holds {old!r}"
        return text.replace(old, new)

    return change


def test_how_files_are_written_makes_no_result_again_unless_what_is_written_changes(changed):
    texts = "files/texts.py"
    assert changed(replaced(texts, "indent=2", "indent=1")) == set()
    assert changed(replaced(texts, "repr(value)", "str(value)")) == set()
    assert changed(replaced("files/storage.py", "os.fsync(handle.fileno())", "pass")) == set()
    writers = changed(replaced(texts, '"write_json": 1', '"write_json": 2'))
    assert {"train_model", "record_provenance"} <= writers
    assert not writers & {"compute_diagrams", "describe_model", "draw_figure"}


def test_another_wording_makes_no_result_again(changed):
    """Of errors, log lines, help and docstrings, in all files at once."""

    def reworded(path, text):
        if path.name in (
            "assets.py",
            "verdicts.py",
            "_array_pickle.py",
        ):  # these hand reasons on, and write some of them down
            return text
        for word, other in ((". Received: ", ". Got: "), ('help="', 'help="In short: ')):
            text = text.replace(word, other)
        return text

    assert changed(reworded) == set()


def test_comments_docstrings_layout_and_annotations_of_all_files_make_no_result_again(changed):
    def stripped(path, text):
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node) is not None:
                node.body[0].value = ast.Constant("Something else.")
            if isinstance(node, ast.FunctionDef):
                node.returns = ast.Constant("object")
        return "# first of all\n" + ast.unparse(tree)

    assert changed(stripped) == set()


def test_a_changed_constant_of_a_module_counts_where_it_is_reached(changed):
    def change(path, text):
        return text.replace("LEAST_IMPROVEMENT = ", "LEAST_IMPROVEMENT = 2 * ") if path.name == "training.py" else text

    assert changed(change) == {"train_model"}


def test_a_moved_project_has_the_same_digests(before, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "src", tmp_path / "src")
    monkeypatch.setattr(reach, "SOURCE", tmp_path / "src")
    assert digests() == before


def test_a_digest_is_kept_while_no_source_changes_and_no_longer(tmp_path, monkeypatch):
    library, script, kept = tmp_path / "library", tmp_path / "draw.py", tmp_path / "kept"
    library.mkdir()
    (library / "one.py").write_text("x = 1\n")
    script.write_text("y = 1\n")
    monkeypatch.setattr(reach, "ROOT", library)
    computed = []
    monkeypatch.setattr(provenance, "code_digest", lambda *asked: computed.append(asked) or f"digest{len(computed)}")

    def told(modules=()):
        return Kept(kept)(script, modules)

    assert told() == told() == "digest1"
    assert told(["one"]) == told(["one"]) == "digest2"
    script.write_text("y = 2\n")
    assert told() == told() == "digest3"
    (library / "one.py").write_text("x = 2\n")
    assert (told(), told(["one"])) == ("digest4", "digest5")
    (library / "one.py").rename(library / "two.py")
    assert told() == told() == "digest6"
    for path in kept.iterdir():  # as if written in part
        path.write_text(path.read_text()[:20])
    assert told() == "digest7"
    assert Kept(script / "no folder")(script) == "digest8"


def test_the_checksum_of_a_folder_follows_names_and_contents_and_nothing_else(tmp_path):
    (tmp_path / "a/inner").mkdir(parents=True)
    (tmp_path / "a/one.png").write_bytes(b"1")
    (tmp_path / "a/inner/two.png").write_bytes(b"2")
    first = provenance.checksum(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert provenance.checksum(tmp_path / "b") == first
    (tmp_path / "b/inner/two.png").write_bytes(b"3")
    assert provenance.checksum(tmp_path / "b") != first
    (tmp_path / "a/one.png").rename(tmp_path / "a/other.png")
    assert provenance.checksum(tmp_path / "a") != first


def test_the_checksum_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert provenance.checksum(tmp_path / "abc").startswith(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2"
    )
    with pytest.raises(InputError, match="nowhere: no such file"):
        provenance.checksum(tmp_path / "nowhere")


def test_a_record_and_a_place_that_differ_say_in_what():
    here = {"code": {"a.py": "1", "b.py": "2"}, "versions": {"numpy": "2.0"}, "inputs": {"x.h5": "f"}, "lock": "l"}
    record = {"code": {"a.py": "1", "b.py": "3"}, "versions": {"numpy": "2.0", "gone": "1"}, "inputs": {}, "lock": "m"}
    assert provenance.differences(here, here) == []
    assert provenance.differences(record, here) == [
        "code, b.py: 3 recorded, 2 here",
        "versions, gone: 1 recorded, absent here",
        "requirements.lock: m recorded, l here",
    ]
