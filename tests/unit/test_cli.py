"""The command measures, checks, draws and begins a study; its exit codes and lines can be relied on."""

import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import onnx_graphs
import pandas
import pytest
import yaml

import topodepth as td
from tests.jobs import job
from topodepth import architectures, cli
from topodepth.activations import file as activations
from topodepth.files import texts
from topodepth.plan import configuration
from topodepth.plan.plan import Plan
from topodepth.study.settings import Settings

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
LABELS = np.arange(80) % 2
POINTS = RNG.normal(size=(80, 4)).astype(np.float32) + LABELS[:, None]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with h5py.File("mine.h5", "w") as file:
        file["layers/0_first"], file["layers/1_last"], file["labels"] = POINTS, np.tanh(POINTS), LABELS
    return tmp_path


def run(command, capsys):
    """Return exit code, standard output, standard error."""
    try:
        cli.main(shlex.split(command))
    except SystemExit as stopped:
        code = stopped.code
        if isinstance(code, str):  # Python prints it and exits with 1
            return 1, capsys.readouterr().out, code
        return code or 0, *capsys.readouterr()
    return 0, *capsys.readouterr()


def test_measure_writes_the_table_of_the_same_call_in_python(mine, capsys):
    flags = "--null-draws 1 --draws 2 --points none --descriptors lifespan_sum longest_bar"
    code, out, err = run(f"measure mine.h5 {flags} --out t.csv --figure f.png f.svg --save a.h5", capsys)
    assert (code, out) == (0, "")
    assert "layer 2 of 2, last" in err
    settings = {"null_draws": 1, "draws": 2, "points": None, "descriptors": ["lifespan_sum", "longest_bar"]}
    expected = td.measure("mine.h5", progress=False, **settings)
    expected.write_table("expected.csv")
    assert Path("t.csv").read_bytes() == Path("expected.csv").read_bytes()
    assert Path("a.h5").read_bytes() == Path("mine.h5").read_bytes()
    assert Path("f.png").read_bytes()[1:4] == b"PNG"
    assert "<svg" in Path("f.svg").read_text()


def test_without_a_file_the_table_is_standard_output(mine, capsys):
    code, out, err = run("measure mine.h5 --draws 2 --null-draws 0 --quiet --layers 'l*'", capsys)
    assert (code, err) == (0, "")
    Path("out.csv").write_text(out)
    assert set(texts.read_table("out.csv")["layer"]) == {"last"}


def test_the_cost_is_told_and_nothing_measured(mine, capsys):
    code, out, _ = run("measure mine.h5 --cost", capsys)
    assert code == 0
    assert "mine, 2 layers: about 1 s" in out
    assert "first: 40 points a cloud, 4 features" in out


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    architectures.build("vgg", input_shape=(16, 16, 1), classes=10, width=2).save(folder / "net.keras")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (90, 16, 16, 1)).astype(np.uint8)
    np.savez(folder / "data.npz", images=images, labels=np.arange(90) % 3)
    return folder


def test_a_model_gets_the_images_that_the_pipeline_gives_it(network, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    how = '{"size": 16, "validation": 0.15, "test": 0.15, "seed": 0}'
    job("prepare_dataset", loader="digits", settings=how, out="digits.h5")
    job("draw_sample", dataset="digits.h5", settings='{"split": "train", "images": 200, "seed": 3}', out="sample.csv")
    job("extract_activations", name="net", model=network / "net.keras", dataset="digits.h5", sample="sample.csv",
        split="train", normalisation="auto", layers='["block1_conv2", "logits"]', out="expected.h5")  # fmt: skip
    flags = "--size 16 --images 200 --seed 3 --layers block1_conv2 logits --draws 2 --null-draws 0 --quiet"
    code, _, err = run(f"measure {network}/net.keras digits {flags} --out t.csv --save own.h5", capsys)
    assert code == 0, err
    own, expected = activations.read_activations("own.h5"), activations.read_activations("expected.h5")
    np.testing.assert_array_equal(own.indices, expected.indices)
    np.testing.assert_array_equal(own.labels, expected.labels)
    for layer in ("block1_conv2", "logits"):
        np.testing.assert_allclose(own.points(layer), expected.points(layer), atol=1e-5)
    assert own.attributes["accuracy"] == pytest.approx(expected.attributes["accuracy"])
    assert texts.read_table("t.csv")["model"].unique() == ["net"]
    code, out, err = run(f"measure {network}/net.keras digits.h5 --images 200 --seed 3 --cost --layers logits", capsys)
    assert (code, "about" in out) == (0, True), err


def test_data_come_from_files_too(network, capsys):
    code, out, err = run(f"measure {network}/net.keras {network}/data.npz --normalisation unit --layers logits "
                         "--split test --draws 2 --null-draws 0 --estimators two_nn --quiet", capsys)  # fmt: skip
    assert code == 0, err
    assert "two_nn" in out


WRONG = {
    "measure nothing.h5": "nothing.h5: no such file",
    "measure mine.h5 --points 1": "points: expected a whole number from 2 or None. Received: 1",
    "measure mine.h5 --descriptors entropy": "unknown descriptor 'entropy'",
    "measure mine.h5 --layers middle": "unknown layer of mine.h5 'middle'",
    "measure mine.h5 digits": "expected",
    "measure net.keras": "net.keras: expected images beside a model",
    "measure net.keras nowhere.png": "nowhere.png: expected data in an .npz",
    "measure mine.h5 --quiet --figure f.gif --out t.csv": "f.gif: expected a file name that ends in .png",
    "measure net.keras digits --weights w.pth": "weights: expected of a PyTorch model, 'my_nets.py:resnet20'. Received",
    "measure nets.py:net": "nets.py:net: expected images beside a model",
    "measure net.keras digits --mean 0.5": "--mean, --std: expected both or none. Received: [0.5] and None",
    "measure net.keras digits --mean 0.5 --std 1 --normalisation unit": "--mean: expected in place of --normalisation",
    "check nothing.h5": "nothing.h5: no such file",
    "check broken.h5": "broken.h5: 1 problems",
    "draw nothing.csv --out f.png": "nothing.csv: no such file",
    "init .": "mine.yaml: expected a new file",
}


@pytest.mark.parametrize(("command", "expected"), WRONG.items())
def test_a_mistake_is_one_line_and_exit_code_1(mine, network, capsys, command, expected):
    with h5py.File("broken.h5", "w") as file:
        file["layers/a"] = np.full((4, 2), np.nan)
    Path("net.keras").write_bytes((network / "net.keras").read_bytes())
    Path("mine.yaml").touch()
    code, _, err = run(command, capsys)
    assert (code, "\n" in err.strip(), err.startswith("error: ")) == (1, False, True)
    assert expected in err


@pytest.mark.parametrize(
    "command",
    ["", "mesure x", "measure", "measure mine.h5 --pionts 3", "draw t.csv", "measure n.py:n digits --arguments 3"],
)
def test_a_mistake_in_the_command_is_exit_code_2(capsys, command):
    code, _, err = run(command, capsys)
    assert (code, "usage: topodepth" in err) == (2, True)


def test_help_shows_examples_that_parse(capsys):
    code, out, _ = run("--help", capsys)
    assert code == 0
    examples = [line.strip() for line in out.partition("examples:")[2].splitlines() if line.strip()]
    assert {line.split()[1] for line in examples} == {"measure", "check", "draw", "tables", "init"}
    for line in examples:
        assert callable(cli._parser().parse_args(shlex.split(line)[1:]).call)


def test_tables_says_what_every_column_means(capsys):
    code, out, _ = run("tables", capsys)
    assert code == 0
    assert "| `relative_depth` | Relative depth of the layer" in out


def test_every_setting_is_a_flag(capsys):
    _, out, _ = run("measure --help", capsys)
    for field in fields(Settings):
        assert f"--{field.name.replace('_', '-')} " in out, field.name


def test_check_says_what_is_in_a_file(mine, network, capsys):
    code, out, _ = run("check mine.h5", capsys)
    assert (code, "model 'mine', 2 layers, 80 points" in out, "2 classes of 40 to 40 points" in out) == (0, True, True)
    script = [sys.executable, ROOT / "workflow/scripts/check_activations.py", "mine.h5"]
    assert subprocess.run(script, check=True, capture_output=True, text=True).stdout == out
    code, out, _ = run(f"check {network}/net.keras", capsys)
    assert (code, "model 'vgg'" in out, "block1_conv2, " in out) == (0, True, True)
    onnx_graphs.written(mine / "net.onnx", *onnx_graphs.residual(), opset=17)
    code, out, _ = run("check net.onnx", capsys)
    # the input and 13 nodes
    assert (code, "14 layers, of ONNX, opset 17" in out, "auto taps s1, s2, s3, logits" in out) == (0, True, True)


def test_draw_draws_tables_of_several_models(mine, capsys):
    for name in ("one", "two"):
        run(f"measure mine.h5 --name {name} --draws 2 --null-draws 1 --quiet --out {name}.csv", capsys)
    code, _, err = run("draw one.csv two.csv --out both.svg --title 'Two networks'", capsys)
    assert code == 0, err
    assert len(pandas.concat(map(texts.read_table, ["one.csv", "two.csv"]))["model"].unique()) == 2
    assert Path("both.svg").stat().st_size


def test_init_writes_a_configuration_that_can_be_planned(tmp_path, capsys):
    code, out, _ = run(f"init {tmp_path}/study", capsys)
    assert code == 0
    made = tmp_path / "study/mine.yaml"
    command = out.splitlines()[-1].strip()
    assert command == f"snakemake -s {ROOT / 'Snakefile'} --cores 4 depth --configfile mine.yaml"
    assert command in made.read_text()
    own = yaml.safe_load(made.read_text())
    config = configuration.laid_over(ROOT, own)
    plan = Plan(configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml"))
    assert list(plan.experiments["depth"]) == ["first"]
    # what stands in comments is right too, once it is no comment
    text = re.sub(r"^( *)# (mine: \{(?!loader: images_folder).*|activations:|  theirs: .*)$", r"\1\2", made.read_text(),
                  flags=re.MULTILINE)  # fmt: skip
    full = yaml.safe_load(text)
    assert {"mine"} < {*full["models"]}
    assert {"mine"} < {*full["datasets"]}
    configuration.complete(configuration.laid_over(ROOT, full), ROOT / "workflow/schemas/config.schema.yaml")


def test_init_without_the_repository_says_what_it_needs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "lib/python/topodepth/cli.py"))
    code, _, err = run(f"init {tmp_path}/study", capsys)
    assert (code, "expected a clone of the repository" in err) == (1, True)
    assert not (tmp_path / "study").exists()


def test_the_command_starts_quickly_and_is_installed_under_its_name():
    code = "import sys; from topodepth import cli; cli._parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"tensorflow", "keras", "torch", "snakemake", "matplotlib", "pandas"} & {*loaded}
    assert 'topodepth = "topodepth.cli:main"' in (ROOT / "pyproject.toml").read_text()
