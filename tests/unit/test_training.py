import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.networks.batches import even_batch
from topodepth.training import checkpoints, training
from topodepth.training.augmentation import Augmentation, apply, random_transforms
from topodepth.training.settings import TrainingSettings

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 8, 8, 1)).astype(np.uint8)
LABELS = (IMAGES[:, :4].mean(axis=(1, 2, 3)) > IMAGES[:, 4:].mean(axis=(1, 2, 3))).astype(int)
TRAIN, VALIDATION = (IMAGES[:30], LABELS[:30]), (IMAGES[30:], LABELS[30:])


def normalise(batch):
    return batch.astype(np.float32) / 255 - 0.5


def network(name="tiny"):
    import keras

    stack = [
        keras.Input((8, 8, 1), name="images"),
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(8, "tanh", kernel_initializer=keras.initializers.GlorotUniform(seed=1), name="hidden"),
        keras.layers.Dense(2, kernel_initializer=keras.initializers.GlorotUniform(seed=2), name="logits"),
        keras.layers.Activation("softmax", name="probabilities"),
    ]
    return keras.Sequential(stack, name=name)


def fit(tmp_path, model=None, **options):
    settings = {"epochs": 2, "batch_size": 10, "augment": None, "learning_rate": 0.01}
    extra = {key: options.pop(key) for key in ("progress", "snapshots", "on_epoch_end") if key in options}
    model = network() if model is None else model
    settings = TrainingSettings(**{**settings, **options})
    history = training.fit(
        model, TRAIN, VALIDATION, settings=settings, normalise=normalise, checkpoints=tmp_path / "state", **extra
    )
    return model, history


KILLED_RUN = """
    import os, signal, sys
    import keras, numpy as np
    from topodepth.training import training
    from topodepth.training.settings import TrainingSettings

    folder, out, kill_at_call = sys.argv[1], sys.argv[2], int(sys.argv[3])
    calls = 0

    def normalise(batch):
        global calls
        calls += 1
        if calls == kill_at_call:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch.astype(np.float32) / 255

    training.set_determinism(7)
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (24, 8, 8, 1)).astype(np.uint8), rng.integers(0, 3, 24)
    model = keras.Sequential([
        keras.Input((8, 8, 1), name="images"),
        keras.layers.Conv2D(4, 3, kernel_initializer=keras.initializers.HeNormal(seed=1), name="conv"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dropout(0.5, seed=5, name="dropout"),
        keras.layers.Dense(3, "softmax", kernel_initializer=keras.initializers.HeNormal(seed=2), name="logits"),
    ], name="killed")
    history = training.fit(
        model, (images[:16], labels[:16]), (images[16:], labels[16:]), checkpoints=folder, normalise=normalise,
        settings=TrainingSettings(epochs=4, batch_size=4, seed=3, plateau_patience=1), progress=print,
    )
    np.savez(out, *model.get_weights(), losses=history["loss"], validation=history["val_loss"])
"""


def test_a_killed_run_continues_and_ends_with_bitwise_the_same_weights(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(textwrap.dedent(KILLED_RUN))

    def run(folder, out, kill_at_call):
        command = [sys.executable, script, tmp_path / folder, tmp_path / out, str(kill_at_call)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    # One call for the fingerprint, then 4 steps and 2 of validation an epoch: call 17 is inside the third epoch.
    killed = run("interrupted", "interrupted.npz", 17)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "interrupted.npz").exists()
    resumed = run("interrupted", "interrupted.npz", -1)
    assert "killed: continues after epoch 2" in resumed.stdout, resumed.stderr
    assert run("whole", "whole.npz", -1).returncode == 0
    with np.load(tmp_path / "interrupted.npz") as resumed, np.load(tmp_path / "whole.npz") as whole:
        assert set(resumed.files) == set(whole.files)
        assert all(np.array_equal(resumed[key], whole[key]) for key in whole.files)


def test_the_same_call_twice_gives_the_same_weights_and_only_the_newest_checkpoint_stays(tmp_path):
    first, history = fit(tmp_path / "a", augment=Augmentation())
    again, _ = fit(tmp_path / "b", augment=Augmentation())
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), again.get_weights(), strict=True))
    assert [path.name for path in (tmp_path / "a" / "state").iterdir()] == ["epoch_00002"]
    assert {len(values) for values in history.values()} == {2}


def test_a_finished_run_called_again_trains_no_more_and_other_settings_start_over(tmp_path):
    first, history = fit(tmp_path)
    lines = []
    again, repeated = fit(tmp_path, progress=lines.append)
    assert lines == ["tiny: continues after epoch 2"]
    assert repeated == history
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), again.get_weights(), strict=True))
    lines.clear()
    fit(tmp_path, progress=lines.append, seed=1)
    assert [line.split(",")[0] for line in lines] == ["tiny: epoch 1/2", "tiny: epoch 2/2"]


def test_a_damaged_checkpoint_is_no_checkpoint(tmp_path):
    arrays = {"weights": [np.arange(3), np.ones((2, 2))]}
    checkpoints.save(tmp_path, 1, "mark", arrays, {"x": 1})
    groups, record = checkpoints.load(tmp_path, "mark")
    assert record == {"x": 1}
    np.testing.assert_array_equal(groups["weights"][1], arrays["weights"][1])
    assert checkpoints.load(tmp_path, "other") is None
    state = tmp_path / "epoch_00001" / "state.npz"
    state.write_bytes(state.read_bytes()[:50])
    assert checkpoints.load(tmp_path, "mark") is None


def test_the_model_ends_with_the_weights_of_its_best_validation_epoch(tmp_path):
    model, history = fit(tmp_path, epochs=8, learning_rate=0.3)
    best = int(np.argmin(history["val_loss"]))
    held_out = training.evaluate(model, *VALIDATION, normalise)
    assert best < 7, "the test needs a run that gets worse at its end"
    assert held_out["loss"] == pytest.approx(history["val_loss"][best], rel=1e-6)
    assert held_out["accuracy"] == history["val_accuracy"][best]


def test_training_learns_a_simple_rule(tmp_path):
    _, history = fit(tmp_path, epochs=15)
    assert history["loss"][-1] < 0.5 * history["loss"][0]


def test_a_plateau_lowers_the_learning_rate_and_then_stops_the_training(tmp_path):
    _, history = fit(tmp_path, epochs=50, learning_rate=1e-30, learning_rate_floor=0.0, stopping_patience=7)
    rates = np.array(history["learning_rate"]) / history["learning_rate"][0]
    np.testing.assert_allclose(rates, [1] * 4 + [0.1**0.5] * 3 + [0.1], rtol=1e-5)
    assert len(history["val_loss"]) == 8


def test_snapshots_are_handed_out_at_the_epochs_asked_for(tmp_path):
    seen = []
    fit(tmp_path, epochs=3, snapshots=[0, 2], on_epoch_end=lambda epoch, model, logs: seen.append((epoch, len(logs))))
    assert seen == [(0, 0), (2, 6)]


def trajectory_of(folder):
    with hdf5.open_h5(folder / "state/trajectory.h5") as file:
        return file["points"][:], file["steps"][:].tolist()


def test_recorded_weights_are_those_after_each_step_and_change_nothing(tmp_path):
    model, history = fit(tmp_path / "a", trajectory_every=2, trajectory_last=4)
    _, plain = fit(tmp_path / "b")
    assert [history[key] for key in ("loss", "val_loss")] == [plain[key] for key in ("loss", "val_loss")]
    points, steps = trajectory_of(tmp_path / "a")
    assert steps == [2, 4, 6]  # two epochs of three steps
    assert points.shape == (3, model.count_params())
    after = {}
    fit(tmp_path / "c", epochs=2, on_epoch_end=lambda epoch, model, logs: after.setdefault(epoch, model.get_weights()))
    np.testing.assert_array_equal(points[2], np.concatenate([weight.ravel() for weight in after[2]]))


def test_a_recording_goes_on_after_the_last_epoch_of_a_run_that_stopped(tmp_path):
    fit(tmp_path / "a", trajectory_every=1)
    whole = trajectory_of(tmp_path / "a")

    def stop(epoch, model, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "b", trajectory_every=1, on_epoch_end=stop)
    fit(tmp_path / "b", trajectory_every=1)
    found = trajectory_of(tmp_path / "b")
    assert found[1] == whole[1] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(found[0], whole[0])


def test_a_diverging_run_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="tiny: training diverged in epoch 1"):
        fit(tmp_path, learning_rate=float("inf"))


@pytest.mark.parametrize(("n", "batch_size"), [(30, 10), (33, 10), (7, 128), (100, 33)])
def test_batches_have_one_size_and_show_every_image(n, batch_size):
    order = training.batch_order(n, batch_size, seed=0, epoch=1)
    assert order.shape[1] <= batch_size
    assert set(order.ravel()) == set(range(n))
    assert order.size - n < len(order)
    assert np.array_equal(order, training.batch_order(n, batch_size, seed=0, epoch=1))
    assert not np.array_equal(order, training.batch_order(n, batch_size, seed=0, epoch=2))


@pytest.mark.parametrize("batch_size", [1, 7, 256])
def test_evaluation_does_not_depend_on_the_batch_size(batch_size):
    model = network()
    probabilities = np.asarray(model(normalise(IMAGES)))
    result = training.evaluate(model, IMAGES, LABELS, normalise, batch_size)
    assert result["accuracy"] == (probabilities.argmax(axis=1) == LABELS).mean()
    assert result["loss"] == pytest.approx(-np.log(probabilities[np.arange(40), LABELS]).mean(), rel=1e-5)


def test_no_change_leaves_images_as_they_are():
    nothing = Augmentation(rotation=0, shift=0, zoom=0, shear=0, flip=False)
    transforms = random_transforms(40, 8, 8, ranges=nothing, seed=0, epoch=0)
    np.testing.assert_array_equal(apply(IMAGES, transforms), IMAGES)


def test_a_flip_mirrors_about_half_of_the_images_exactly():
    flip = Augmentation(rotation=0, shift=0, zoom=0, shear=0, flip=True)
    changed = apply(IMAGES, random_transforms(40, 8, 8, ranges=flip, seed=0, epoch=0))
    mirrored = [np.array_equal(new, old[:, ::-1]) for new, old in zip(changed, IMAGES, strict=True)]
    kept = [np.array_equal(new, old) for new, old in zip(changed, IMAGES, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 10 <= sum(mirrored) <= 30


def test_a_quarter_turn_is_a_quarter_turn():
    rows = random_transforms(200, 9, 9, ranges=Augmentation(90, 0, 0, 0, False), seed=0, epoch=0)
    angle = np.rad2deg(np.arctan2(rows[:, 3], rows[:, 0]))
    assert angle.min() < -80
    assert angle.max() > 80
    np.testing.assert_allclose(rows[:, 0] * rows[:, 4] - rows[:, 1] * rows[:, 3], 1, rtol=1e-5)  # keeps areas
    centre = rows[:, [0, 1, 2, 3, 4, 5]].reshape(-1, 2, 3) @ [4, 4, 1]
    np.testing.assert_allclose(centre, 4, atol=1e-5)


def test_augmentation_depends_on_seed_and_epoch_only_and_stays_in_range():
    draw = {
        key: random_transforms(50, 8, 8, ranges=Augmentation(), seed=key[0], epoch=key[1]) for key in [(0, 0), (0, 1)]
    }
    assert np.array_equal(draw[0, 0], random_transforms(50, 8, 8, ranges=Augmentation(), seed=0, epoch=0))
    assert not np.array_equal(draw[0, 0], draw[0, 1])
    area = np.abs(draw[0, 0][:, 0] * draw[0, 0][:, 4] - draw[0, 0][:, 1] * draw[0, 0][:, 3])
    assert 0.75**2 <= area.min() < area.max() <= 1.25**2
    centre = draw[0, 0][:, :6].reshape(-1, 2, 3) @ [3.5, 3.5, 1] - 3.5
    assert np.abs(centre).max() <= 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"optimizer": "rmsprop"}, "unknown optimizer 'rmsprop'.*adam, adamax, sgd"),
        ({"epochs": 0}, "epochs expected to be a whole number of at least 1. Received: 0"),
        ({"epochs": "3"}, "Received: '3'"),
        ({"learning_rate": 0.0}, "learning_rate expected above 0"),
    ],
)
def test_bad_settings_are_refused(options, expected):
    with pytest.raises(InputError, match=expected):
        TrainingSettings(**{"epochs": 1, **options})


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ((IMAGES.astype(np.float32), LABELS), "training images expected as uint8"),
        ((IMAGES[:, :4], LABELS), "training images expected"),
        ((IMAGES[:0], LABELS[:0]), "n ≥ 1"),
        ((IMAGES, LABELS[:-1]), "training labels expected as 40 whole numbers"),
        ((IMAGES, LABELS + 1), "training labels expected from 0 to 1. Received: 1 to 2"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(tmp_path, train, expected):
    with pytest.raises(InputError, match=expected):
        training.fit(
            network(),
            train,
            VALIDATION,
            settings=TrainingSettings(1),
            normalise=normalise,
            checkpoints=tmp_path,
        )


@pytest.mark.parametrize(("n", "most"), [(800, 256), (2500, 256), (1, 256), (256, 256), (257, 256), (7, 1)])
def test_equal_batches_waste_less_than_one_image_each(n, most):
    size = even_batch(n, most)
    batches = -(-n // size)
    assert 1 <= size <= most
    assert batches == -(-n // most)
    assert 0 <= batches * size - n < batches
