"""A Monitor in a training with Keras: the same weights as without it; the table, its file and its log."""

import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf
import tf_keras

import topodepth as td
from topodepth.files import texts
from topodepth.study import monitor as study_monitor
from topodepth.tables import tables

RNG = np.random.default_rng(0)
N = 30
LABELS = np.arange(N) % 3
IMAGES = RNG.random((N, 6, 6, 1), dtype=np.float32)
QUICK = {"descriptors": "lifespan_sum", "estimators": (), "max_dim": 0, "null_draws": 1}
SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"


def network(framework):
    """A network whose logits are seen by a twin of the last layer, which Keras makes by chance."""
    layers = framework.layers
    inner = framework.Sequential([framework.Input((4, 4, 3)), layers.BatchNormalization(), layers.ReLU()])
    return framework.Sequential([
        framework.Input((6, 6, 1)), layers.Conv2D(3, 3, name="conv"), inner, layers.Flatten(), layers.Dropout(0.5),
        layers.Dense(3, activation="softmax"),
    ])  # fmt: skip


def drawn(framework):
    """Return what is drawn next, of everything that Keras or a user draws from."""
    numbers = [random.random(), np.random.random(), float(tf.random.uniform([]))]  # noqa: NPY002
    model = framework.Sequential([framework.Input((3,)), framework.layers.Dense(2)])
    names = [model.name, *(layer.name for layer in model.layers)]
    other = framework.Model(model.inputs, model.outputs).name
    return [*numbers, *names, other, *model.get_weights()[0].ravel().tolist()]


def trained(framework, callbacks=(), epochs=2):
    """Return all that a training leaves behind: weights, statistics, momenta, links between layers, what is drawn."""
    framework.backend.clear_session()
    framework.utils.set_random_seed(0)
    model = network(framework)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    losses = model.fit(IMAGES, LABELS, batch_size=8, epochs=epochs, verbose=0, callbacks=list(callbacks)).history
    variables = model.optimizer.variables
    momenta = [np.array(value).tobytes() for value in (variables() if callable(variables) else variables)]
    links = [(len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in model.layers]
    return [value.tobytes() for value in model.get_weights()], momenta, losses, links, drawn(framework)


@pytest.mark.parametrize("framework", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_training_is_bit_for_bit_as_without_it(framework):
    monitor = td.Monitor(IMAGES, LABELS, layers=["conv", "logits"], **QUICK)
    plain, watched = trained(framework), trained(framework, [monitor.keras(framework)])
    assert monitor.table["epoch"].unique().tolist() == [0, 1, 2]
    assert monitor.table["layer"].unique().tolist() == ["conv", "logits"]
    assert plain == watched


def test_what_recurrent_layers_remember_stays():
    source = keras.Input(batch_shape=(5, 4, 2))
    recurrent = keras.layers.LSTM(3, stateful=True)
    model = keras.Model(source, keras.layers.Dense(2)(recurrent(source)))
    batch = RNG.random((5, 4, 2), dtype=np.float32)
    model.predict_on_batch(batch)
    before = [np.array(state) for state in recurrent.states]
    assert all(state.any() for state in before)
    td.Monitor(RNG.random((20, 4, 2), dtype=np.float32), np.arange(20) % 2, **QUICK)(model, 1)
    for state, kept in zip(recurrent.states, before, strict=True):
        np.testing.assert_array_equal(np.array(state), kept)


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return network(keras)


def test_the_table_is_that_of_the_pipeline(model, tmp_path):
    """The script of the pipeline joins tables of snapshots; it gets those of measuring the same two models."""
    path, monitor_path = tmp_path / "joined.csv", tmp_path / "monitor.csv"
    monitor = td.Monitor(IMAGES, LABELS, path=monitor_path, name="mine", dataset="noise", **QUICK)
    made = []
    for epoch in (1, 2):
        if epoch == 2:
            model.set_weights([2 * value for value in model.get_weights()])
        monitor(model, epoch, train_accuracy=0.5 + epoch / 10, test_accuracy=0.5)
        found = td.measure(model, IMAGES, LABELS, name="mine", dataset="noise", progress=False, **QUICK)
        made.append(found.write_table(tmp_path / f"{epoch}.csv"))
        measured = {"train": {"accuracy": 0.5 + epoch / 10}, "test": {"accuracy": 0.5}}
        texts.write_json(tmp_path / f"{epoch}.json", measured)
    given = ["--tables", *made, "--metrics", tmp_path / "1.json", tmp_path / "2.json", "--models", "mine", "mine",
             "--epochs", 1, 2, "--out", path]  # fmt: skip
    subprocess.run([sys.executable, SCRIPTS / "join_snapshots.py", *map(str, given)], check=True)
    assert monitor_path.read_bytes() == path.read_bytes()
    pandas.testing.assert_frame_equal(monitor.table, texts.read_table(path), check_dtype=False)


@pytest.mark.parametrize(
    ("every", "due"), [(1, [0, 1, 2, 3, 4, 5, 6]), (3, [0, 3, 6]), ([1, 4], [1, 4]), (np.int64(5), [0, 5])]
)
def test_epochs_that_are_due_are_measured(monkeypatch, every, due):
    monkeypatch.setattr(study_monitor, "measure", lambda *_, **__: fake(1.0))
    monitor = td.Monitor(IMAGES, LABELS, every=every)
    measured = [epoch for epoch in range(7) if monitor(None, epoch)]
    assert measured == due == list(monitor.seconds)


def fake(value, labels=LABELS):
    """A measurement of one layer with two descriptors, one of which has no null value."""
    shared = {**dict.fromkeys(tables.MODEL_COLUMNS), "layer": "fc", "accuracy": 0.25, "value": value}
    rows = [
        {**shared, "class": "mean", "homology_dimension": 0, "descriptor": "lifespan_sum", "null_value": 2.0},
        {**shared, "class": "1", "homology_dimension": 0, "descriptor": "lifespan_sum"},
        {**shared, "class": "all", "homology_dimension": None, "descriptor": "two_nn"},
    ]
    return SimpleNamespace(rows=rows, space=None, activations=SimpleNamespace(labels=labels))


def test_a_log_gets_the_leading_numbers(monkeypatch):
    monkeypatch.setattr(study_monitor, "measure", lambda *_, **__: fake(1.5))
    expected = {"fc/lifespan_sum_H0/mean": 1.5, "fc/lifespan_sum_H0/mean/null": 2.0, "fc/two_nn/all": 1.5,
                "measured/accuracy": 0.25}  # fmt: skip
    by_function, by_run, by_writer = [], [], []
    logs = {
        "function": lambda *given: by_function.append(given),
        "module": SimpleNamespace(log=by_run.append),
        "writer": SimpleNamespace(add_scalar=lambda *given: by_writer.append(given)),
    }
    for log in logs.values():
        td.Monitor(IMAGES, LABELS, log=log)(None, 4)
    assert by_function == [(4, expected)]
    assert by_run == [{**expected, "measured/epoch": 4}]
    assert by_writer == [(name, value, 4) for name, value in expected.items()]


class Run:
    """What of a run of wandb 0.31 matters here: a row is filled until it is ended, and then takes nothing more."""

    def __init__(self):
        self.step, self.filling, self.rows = 0, {}, {}

    def log(self, data, step=None, commit=None):
        if step is not None and step < self.step:
            return  # with a warning
        if step is not None and step > self.step:
            self.end()
            self.step = step
        self.filling |= data
        if step is None if commit is None else commit:
            self.end()
            self.step += 1

    def end(self):
        if self.filling:
            self.rows[self.step] = self.filling
        self.filling = {}


@pytest.mark.parametrize(
    ("logged", "steps"),
    [
        (lambda run, epoch: run.log({"loss": epoch}, step=10 * epoch), [0, 10, 20]),
        (lambda run, epoch: run.log({"loss": epoch}), [1, 3, 5]),
        (lambda run, epoch: None, [0, 1, 2]),
    ],
    ids=["own steps", "steps as they come", "nothing else"],
)
def test_a_run_keeps_the_steps_of_the_training(monkeypatch, logged, steps):
    """What a training logs, behind the monitor too, is at the step at which it would be without it."""
    monkeypatch.setattr(study_monitor, "measure", lambda *_, **__: fake(1.5))
    runs = Run(), Run()
    monitors = td.Monitor(IMAGES, LABELS, log=runs[0]), lambda model, epoch: None
    for run, monitor in zip(runs, monitors, strict=True):
        for epoch in range(3):
            logged(run, epoch)
            monitor(None, epoch)
            logged(run, epoch)
        run.end()
    watched, plain = ({step: row.get("loss") for step, row in run.rows.items() if "loss" in row} for run in runs)
    assert watched == plain
    assert {step: row["measured/epoch"] for step, row in runs[0].rows.items() if "measured/epoch" in row} == dict(
        zip(steps, range(3), strict=True)
    )


def test_a_failure_ends_no_training_unless_it_is_the_first(monkeypatch, tmp_path, caplog):
    answers = iter([td.InputError("no such layer"), fake(1.0), td.InputError("NaN in fc"), fake(3.0)])

    def measure(*_, **__):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(study_monitor, "measure", measure)
    monitor = td.Monitor(IMAGES, LABELS, path=tmp_path / "rows.csv")
    with pytest.raises(td.InputError, match="no such layer"):
        monitor(None, 1)
    assert len(monitor(None, 1)) == 3
    assert monitor(None, 2) == []
    assert monitor.failed == {2: "not measured: NaN in fc"}
    assert "epoch 2: not measured: NaN in fc" in caplog.text
    monitor.path = tmp_path  # a folder, which no file can replace
    assert len(monitor(None, 3)) == 3
    assert monitor.failed[3].startswith("not written")
    assert monitor.table["epoch"].unique().tolist() == [1, 3]
    assert texts.read_table(tmp_path / "rows.csv")["epoch"].unique().tolist() == [1]


def test_it_says_once_what_it_costs(monkeypatch, capsys):
    monkeypatch.setattr(study_monitor, "measure", lambda *_, **__: fake(1.0))
    monitor = td.Monitor(IMAGES, LABELS, every=2)
    for epoch in range(5):
        monitor(None, epoch)
    assert capsys.readouterr().err == "topodepth: measuring takes 0.0 s (epoch 0), every 2 epochs\n"
    td.Monitor(IMAGES, LABELS, progress=False)(None, 0)
    assert capsys.readouterr().err == ""
    assert all(0 < seconds < 1 for seconds in monitor.seconds.values())


def test_what_is_true_of_many_epochs_is_said_once(model, caplog):
    monitor = td.Monitor(IMAGES, LABELS, **QUICK)
    for epoch in range(3):
        monitor(model, epoch)
    assert caplog.text.count("hardly better than chance") == 1
    assert monitor.table["accuracy"].notna().all()


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (iter([IMAGES]), {}, "list_iterator, which can be gone through once"),
        (None, {}, "images: expected an array.*Received: none"),
        (IMAGES, {"every": 0}, "every: expected a whole number from 1"),
        (IMAGES, {"every": True}, "every: expected"),
        (IMAGES, {"every": []}, "every: expected"),
        (IMAGES, {"every": [1, -1]}, "every: expected"),
        (IMAGES, {"log": 3}, "log: expected a function"),
        (IMAGES, {"null_draw": 3}, "null_draws"),
    ],
)
def test_mistakes_are_told_before_training(images, options, message):
    with pytest.raises(td.InputError, match=message):
        td.Monitor(images, LABELS, **options)


def test_an_epoch_is_measured_once(monkeypatch):
    monkeypatch.setattr(study_monitor, "measure", lambda *_, **__: fake(1.0))
    monitor = td.Monitor(IMAGES, LABELS)
    monitor(None, 1)
    with pytest.raises(td.InputError, match=r"epoch: expected each once.*Received: 1 again"):
        monitor(None, 1)
    with pytest.raises(td.InputError, match=r"epoch: expected a whole number from 0. Received: 1.5"):
        monitor(None, 1.5)


def test_a_subclassed_model_is_refused_before_it_is_trained():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, images):
            return self.head(keras.ops.reshape(images, (-1, 36)))

    model, before = Own(), IMAGES.copy()
    model.compile(loss="sparse_categorical_crossentropy")
    with pytest.raises(td.InputError, match="functional or sequential"):
        model.fit(before, LABELS, verbose=0, callbacks=[td.Monitor(IMAGES, LABELS).keras()])


def test_the_figure_has_a_curve_for_each_epoch_in_the_colour_that_is_known(model):
    monitor = td.Monitor(IMAGES, LABELS, layers=["conv", "logits"], **QUICK)
    for epoch in range(2):
        monitor(model, epoch)
    axes, bar = td.draw.dynamics(monitor).axes
    assert len([line for line in axes.lines if not line.is_dashed()]) == 2
    assert bar.get_ylabel().startswith("accuracy on the measured images")
    assert td.draw.dynamics(monitor, colour="epoch").axes[-1].get_ylabel() == "epochs of training"
    for row in monitor.rows:
        row["test_accuracy"] = 0.5
    assert td.draw.dynamics(monitor).axes[-1].get_ylabel().startswith("test accuracy")
    with pytest.raises(td.InputError, match="unknown colour 'loss'"):
        td.draw.dynamics(monitor, colour="loss")
    with pytest.raises(td.InputError, match=r"expected a topodepth\.Monitor"):
        td.draw.dynamics(monitor.table)
