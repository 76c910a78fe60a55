"""A Monitor that logs to TensorBoard and to Weights & Biases, as they are where they are installed."""

import json
import struct

import numpy as np
import pandas
import pytest
import torch
from torch import nn

import topodepth as td

IMAGES, LABELS = torch.rand((24, 5), generator=torch.Generator().manual_seed(0)), torch.arange(24) % 3
EPOCHS = 3


def trained(log, path, each=lambda epoch: None):
    """Measure a network at three moments, and return its leading numbers by name and epoch, as the file has them."""
    model = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 3))
    monitor = td.Monitor(
        IMAGES, LABELS, log=log, path=path, null_draws=1, estimators="two_nn", descriptors="lifespan_sum"
    )
    for epoch in range(EPOCHS):
        each(epoch)
        monitor(model, epoch)
        each(epoch)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight))
    table = pandas.read_csv(path)
    table = table[table["class"].isin(["mean", "all"])]
    found = {("measured/accuracy", epoch): rows["accuracy"].iloc[0] for epoch, rows in table.groupby("epoch")}
    for row in table.to_dict("records"):
        degree = "" if np.isnan(row["homology_dimension"]) else f"_H{row['homology_dimension']:.0f}"
        name = f"{row['layer']}/{row['descriptor']}{degree}/{row['class']}"
        found |= {(name, row["epoch"]): row["value"], (f"{name}/null", row["epoch"]): row["null_value"]}
    assert len(found) == EPOCHS * (1 + 2 * 2 * 3)  # two layers, E_0, E_1 and a dimension, each with its null
    return {key: value for key, value in found.items() if not np.isnan(value)}


def test_tensorboard_has_the_rows_of_the_file(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path / "events") as writer:
        expected = trained(writer, tmp_path / "rows.csv")
    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    found = {(name, each.step): each.value for name in events.Tags()["scalars"] for each in events.Scalars(name)}
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == np.float32(value), key  # TensorBoard keeps single precision


def rows_of(path):
    """Read the rows of a run that was kept offline: records in LevelDB's log format, each a message of wandb's."""
    from wandb.proto import wandb_internal_pb2

    content, at, message = path.read_bytes(), 7, b""
    while at + 7 <= len(content):
        left = 2**15 - at % 2**15
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + 7])
        message += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(message)
            if record.WhichOneof("record_type") == "history":
                yield {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            message = b""


@pytest.mark.parametrize("steps", [True, False], ids=["own steps", "steps as they come"])
def test_weights_and_biases_has_the_rows_of_the_file_and_the_steps_of_the_training(tmp_path, monkeypatch, steps):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with wandb.init(mode="offline", dir=tmp_path, project="trial") as run:
        losses = iter(range(2 * EPOCHS))
        expected = trained(
            run,
            tmp_path / "rows.csv",
            lambda epoch: run.log({f"loss{next(losses) % 2}": epoch}, step=10 * epoch if steps else None),
        )
    wandb.teardown()  # a run that is finished may not be written yet (wandb 0.31)
    (path,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    rows = list(rows_of(path))
    found = {
        (name, row["measured/epoch"]): value
        for row in rows if "measured/epoch" in row for name, value in row.items()
        if not name.startswith(("_", "loss")) and name != "measured/epoch"
    }  # fmt: skip
    assert found == expected  # to the last bit
    logged = [(row["_step"], name, row[name]) for row in rows for name in ("loss0", "loss1") if name in row]
    at = [10 * (k // 2) if steps else k for k in range(2 * EPOCHS)]
    assert logged == [(at[k], f"loss{k % 2}", k // 2) for k in range(2 * EPOCHS)]
