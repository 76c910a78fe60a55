"""The command measures a PyTorch model by its code, as the pipeline's jobs do."""

import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.jobs import job
from topodepth import cli
from topodepth.activations.file import read_activations

CODE = """
from torch import nn

def net(width=4):
    body = [nn.Conv2d(1, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(width, 10))
"""
FLAGS = "--images 80 --seed 2 --draws 2 --null-draws 0 --estimators two_nn --quiet"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(CODE)
    scope = {}
    exec(CODE, scope)
    torch.manual_seed(5)
    torch.save(scope["net"](6).state_dict(), "w.pth")
    return tmp_path


def test_it_gets_the_images_and_layers_that_the_pipeline_gives_it(folder):
    job("prepare_dataset", loader="digits", settings='{"size": 12, "validation": 0.15, "test": 0.15, "seed": 0}',
        out="digits.h5")  # fmt: skip
    job("draw_sample", dataset="digits.h5", settings='{"split": "train", "images": 80, "seed": 2}', out="sample.csv")
    job("extract_activations", "--trust", name="net", model="nets.py", dataset="digits.h5", sample="sample.csv",
        split="train", torch='{"name": "net", "arguments": {"width": 6}, "weights": "w.pth"}', layers='["1", "logits"]',
        normalisation='{"mean": [0.3], "std": [0.4]}', out="expected.h5")  # fmt: skip
    cli.main(shlex.split(
        "measure nets.py:net digits --size 12 --weights w.pth --arguments '{\"width\": 6}' --mean 0.3 --std 0.4 "
        f"--layers 1 logits --out t.csv --save own.h5 --trust {FLAGS}"
    ))  # fmt: skip
    own, expected = read_activations("own.h5"), read_activations("expected.h5")
    assert own.model == "net"
    np.testing.assert_array_equal(own.indices, expected.indices)
    for one, other in zip(own.layers, expected.layers, strict=True):
        np.testing.assert_allclose(own.points(one.token), expected.points(other.token), atol=1e-5)
    assert own.attributes["accuracy"] == pytest.approx(expected.attributes["accuracy"])


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--weights w.pth", "runs the code of this file, expected `trust: true`"),
        ("--trust --weights w.pth", "w.pth"),  # those of another width
        ("--trust --weights nothing.pth", "nothing.pth"),
        ("--trust --arguments '{\"wide\": 6}'", "its code failed"),
        ("--trust --layers middle", "middle"),
    ],
)
def test_a_mistake_is_one_line(folder, flags, expected, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(shlex.split(f"measure nets.py:net digits {flags} {FLAGS}"))
    line = stopped.value.code if isinstance(stopped.value.code, str) else capsys.readouterr().err
    assert expected in line
    assert "\n" not in line.strip()
