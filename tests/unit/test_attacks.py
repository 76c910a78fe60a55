"""Attacks are Cleverhans' own, on true logits, in the units asked for; a sweep writes all that happened, or nothing."""

import csv

import h5py
import numpy as np
import pytest

from topodepth.activations import extraction
from topodepth.activations.file import read_activations, validate
from topodepth.attacks import attacks, keras_victim, victims
from topodepth.attacks.attacks import AttackSettings
from topodepth.attacks.keras_victim import KerasVictim, scores_tap
from topodepth.attacks.sweep import LabelledImages, write_sweep
from topodepth.datasets import Normaliser
from topodepth.errors import InputError
from topodepth.jobs import reach
from topodepth.jobs.commands import record_of
from topodepth.networks import models, openers
from topodepth.networks.runtime import by_keras

N, CLASSES, SHAPE = 12, 3, (8, 8, 1)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (N, *SHAPE)).astype(np.uint8)
LABELS = np.arange(N) % CLASSES
SHIFT, SCALE = np.float32(120.0), np.float32(50.0)
NORMALISE = Normaliser(np.asarray(SHIFT), np.asarray(SCALE))
NORMS = {"linf": np.inf, "l2": 2}


def network(framework, head="softmax", outputs=CLASSES):
    """A small network whose softmax, if any, is inside its last layer."""
    framework.utils.set_random_seed(1)
    inputs = framework.Input(SHAPE)
    hidden = framework.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    hidden = framework.layers.BatchNormalization(name="norm")(hidden)
    hidden = framework.layers.Flatten(name="flat")(hidden)
    return framework.Model(inputs, framework.layers.Dense(outputs, activation=head, name="head")(hidden))


@pytest.fixture(scope="module", params=["keras", "tf_keras"])
def model(request):
    return network(pytest.importorskip(request.param))


@pytest.fixture(scope="module")
def new_model():
    return network(pytest.importorskip("keras"))


def logits(model):
    """The logits by hand: kernel and bias of the last layer on its input."""
    import tensorflow as tf

    framework = models.framework_of(model)
    before = framework.Model(model.inputs[0], model.get_layer("flat").output)
    kernel, bias = (tf.constant(np.asarray(weight)) for weight in model.get_layer("head").get_weights())
    return lambda x: tf.matmul(before(x, training=False), kernel) + bias


def victim(model, normalise=NORMALISE, **settings):
    settings = AttackSettings(**{"epsilons": [0.1], "units": "standardised", "clip": False, **settings})
    return KerasVictim(model, scores_tap(model, settings.logits), normalise, settings)


def attacked(subject, images, epsilon):
    start = subject.start(images)
    gradient, labels = subject.gradient(start)
    return subject.attack(start, gradient, labels, epsilon)


@pytest.mark.parametrize("target", [None, 2])
@pytest.mark.parametrize("norm", NORMS)
def test_one_gradient_serves_every_strength_as_cleverhans_own_method_finds_them(model, norm, target):
    import tensorflow as tf
    from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method

    x = NORMALISE(IMAGES)
    y = None if target is None else tf.fill([N], target)
    subject = victim(model, norm=norm, target=target)
    start = subject.start(IMAGES)
    gradient, labels = subject.gradient(start)
    for epsilon in (0.005, 0.1, 2.0):
        expected = fast_gradient_method(logits(model), x, epsilon, NORMS[norm], y=y, targeted=target is not None)
        found = subject.attack(start, gradient, labels, epsilon)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 + 1e-5 * epsilon)
        assert np.abs(found - x).max() > 0.01 * epsilon


def test_in_pixel_units_the_attack_is_made_on_pixels_and_clipped_to_them(new_model):
    from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method

    score = logits(new_model)
    for norm, epsilon in (("linf", 0.3), ("l2", 2.0)):
        subject = victim(new_model, units="pixel", clip=True, norm=norm)
        found = attacked(subject, IMAGES, epsilon)
        x = IMAGES.astype(np.float32) / np.float32(255)
        expected = fast_gradient_method(
            lambda z: score((255 * z - SHIFT) / SCALE), x, epsilon, NORMS[norm], clip_min=0.0, clip_max=1.0
        )
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
        assert found.min() == 0
        assert found.max() == 1
        sizes = subject.perturbation(subject.start(IMAGES), found)
        change = (found - x).reshape(N, -1)
        np.testing.assert_allclose(sizes["linf_pixel"], np.abs(change).max(axis=1), rtol=1e-5)
        np.testing.assert_allclose(sizes["l2_standardised"], np.linalg.norm(change, axis=1) * 255 / SCALE, rtol=1e-5)


def test_in_standardised_units_clipping_keeps_to_the_range_of_pixels(new_model):
    found = attacked(victim(new_model, clip=True), IMAGES, 3.0)
    low, high = (np.array([0.0, 255.0], np.float32) - SHIFT) / SCALE
    assert found.min() == low
    assert found.max() == high


@pytest.mark.parametrize("norm", NORMS)
def test_the_basic_iterative_method_is_cleverhans_own(model, norm):
    from cleverhans.tf2.attacks.basic_iterative_method import basic_iterative_method

    subject = victim(model, attack="bim", norm=norm, steps=4, step_size=0.5)
    expected = basic_iterative_method(
        logits(model), NORMALISE(IMAGES), 0.2, 0.1, 4, NORMS[norm], sanity_checks=False
    )  # fmt: skip
    np.testing.assert_allclose(attacked(subject, IMAGES, 0.2), expected, rtol=0, atol=1e-4)


def test_projected_gradient_descent_starts_at_random_as_its_seed_says(new_model):
    def found(seed):
        return attacked(victim(new_model, attack="pgd", steps=1, step_size=0.1, seed=seed), IMAGES, 0.2)

    np.testing.assert_array_equal(found(0), found(0))
    assert np.abs(found(0) - found(1)).max() > 0.1


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("attack", attacks.registry.names())
def test_every_attack_moves_no_further_than_its_strength_and_nothing_at_strength_0(new_model, attack, norm):
    subject = victim(new_model, attack=attack, norm=norm, units="pixel", target=1)
    start = subject.start(IMAGES)
    sizes = subject.perturbation(start, attacked(subject, IMAGES, 0.1))[f"{norm}_pixel"]
    assert sizes.max() <= 0.1 * (1 + 1e-4)
    assert sizes.min() > 0.01
    np.testing.assert_array_equal(subject.model_input(attacked(subject, IMAGES, 0.0)), NORMALISE(IMAGES))


def test_a_batch_is_attacked_as_each_image_alone(new_model):
    for norm in NORMS:
        subject = victim(new_model, norm=norm)
        alone = [attacked(subject, IMAGES[k : k + 1], 0.1) for k in range(N)]
        np.testing.assert_allclose(attacked(subject, IMAGES, 0.1), np.concatenate(alone), rtol=0, atol=1e-6)


def test_the_loss_takes_true_logits_or_on_request_the_softmax_in_their_place(model):
    from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method

    x, found = NORMALISE(IMAGES), {}
    functions = {"logits": logits(model), "softmax": lambda x: model(x, training=False)}
    for how, function in functions.items():
        found[how] = attacked(victim(model, logits=how, norm="l2"), IMAGES, 1.0)
        np.testing.assert_allclose(found[how], fast_gradient_method(function, x, 1.0, 2), rtol=0, atol=1e-4)
    assert np.abs(found["logits"] - found["softmax"]).max() > 1e-3


def sweep(
    model, folder, images=IMAGES, *, layers=("conv", "logits"), class_names=("a", "b", "c"), indices=None,
    settings=None, **options,
):  # fmt: skip
    how = {"epsilons": [0.5, 0.1], "units": "standardised", "clip": False, "target": 1} | (settings or {})
    options = {"batch_size": 5, "progress": lambda line: None} | options
    sample = LabelledImages(images, LABELS, class_names, NORMALISE, indices)
    network = by_keras(model, list(layers), scores=True)
    subject = keras_victim.attacked(model, images.shape[1:], NORMALISE, AttackSettings(**how))
    write_sweep(folder, subject, network, sample, name="mine@fgsm", **options)
    with (folder / "metrics.csv").open() as handle:
        return list(csv.DictReader(handle))


def test_a_sweep_writes_one_activations_file_a_strength_the_first_of_the_clean_images(model, tmp_path):
    sweep(model, tmp_path / "made", indices=np.array([0, 3, 5, 7, 8, 9, 11]))
    files = [read_activations(tmp_path / f"made/{k:02d}.h5") for k in range(3)]
    assert [file.attributes["epsilon"] for file in files] == [0, 0.1, 0.5]
    assert [file.model for file in files] == ["mine@fgsm-00", "mine@fgsm-01", "mine@fgsm-02"]
    extraction.extract(model, IMAGES, ["conv", "logits"], out=tmp_path / "clean.h5", labels=LABELS,
                        normalise=NORMALISE, indices=np.array([0, 3, 5, 7, 8, 9, 11]), batch_size=5)  # fmt: skip
    clean = read_activations(tmp_path / "clean.h5")
    for layer in ("conv", "logits"):
        np.testing.assert_array_equal(files[0].points(layer), clean.points(layer))
        assert np.abs(files[2].points(layer) - clean.points(layer)).max() > 1e-3
    for file in files:
        assert [layer.token for layer in file.layers] == ["conv", "logits"]
        np.testing.assert_array_equal(file.labels, LABELS[file.indices])
        assert not validate(file.path)


@pytest.mark.parametrize("target", [None, 1])
def test_the_metrics_are_those_of_the_activations_written(new_model, tmp_path, target):
    rows = sweep(new_model, tmp_path / "made", settings={"target": target})
    predicted = [read_activations(tmp_path / f"made/{k:02d}.h5").points("logits").argmax(axis=1) for k in range(3)]
    assert [row["model"] for row in rows] == ["mine@fgsm-00", "mine@fgsm-01", "mine@fgsm-02"]
    for row, found in zip(rows, predicted, strict=True):
        assert float(row["accuracy"]) == pytest.approx((found == LABELS).mean())
        right = [((found == c) & (c == LABELS)).sum() for c in range(CLASSES)]
        f1 = [2 * right[c] / ((found == c).sum() + (c == LABELS).sum()) for c in range(CLASSES)]
        assert float(row["macro_f1"]) == pytest.approx(np.mean(f1))
        counted = predicted[0] == LABELS if target is None else target != LABELS
        led = found != LABELS if target is None else found == target
        assert float(row["success_rate"]) == pytest.approx(led[counted].mean())
        assert float(row["mean_linf_standardised"]) == pytest.approx(float(row["epsilon"]), rel=1e-5)
        assert float(row["mean_linf_pixel"]) == pytest.approx(float(row["epsilon"]) * SCALE / 255, rel=1e-5)
        assert (row["n"], row["epsilon_unit"], row["note"]) == (str(N), "standardised", "")
    assert float(rows[-1]["success_rate"]) > float(rows[0]["success_rate"])  # or nothing above was tested


def test_the_images_shown_are_clean_first_one_a_class_and_not_of_the_target(new_model, tmp_path):
    sweep(new_model, tmp_path / "made")
    with h5py.File(tmp_path / "made/images.h5") as file:
        assert set(file["labels"][:]) == {0, 2}
        assert file["pixels"].shape == (8, 3, *SHAPE)
        shown = np.flatnonzero(LABELS != 1)
        clean = file["pixels"][:, 0]
        assert all(any(np.allclose(image * 255, IMAGES[row], atol=1e-3) for row in shown) for image in clean)
        assert np.abs(file["pixels"][:, 2] - clean).max() == pytest.approx(0.5 * SCALE / 255, rel=1e-3)
        assert file["predicted"].shape == (8, 3)
        assert list(file.attrs["class_names"]) == ["a", "b", "c"]


def test_the_same_sweep_twice_and_in_other_batches_gives_the_same(new_model, tmp_path):
    first, again = (sweep(new_model, tmp_path / name) for name in ("first", "again"))
    other = sweep(new_model, tmp_path / "other", batch_size=N)
    assert first == again
    assert [row["accuracy"] for row in first] == [row["accuracy"] for row in other]
    for k in range(3):
        points = [read_activations(tmp_path / f"{name}/{k:02d}.h5").points("logits") for name in ("first", "again")]
        np.testing.assert_array_equal(*points)


def test_an_interrupted_sweep_leaves_what_was_there(new_model, tmp_path):
    def stop(line):
        raise KeyboardInterrupt

    sweep(new_model, tmp_path / "made")
    before = (tmp_path / "made/metrics.csv").read_bytes()
    for name in ("made", "new"):
        with pytest.raises(KeyboardInterrupt):
            sweep(new_model, tmp_path / name, progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]
    assert (tmp_path / "made/metrics.csv").read_bytes() == before


def test_an_attack_that_changes_nothing_is_flagged(tmp_path):
    model = network(pytest.importorskip("keras"))
    kernel, bias = model.get_layer("head").get_weights()
    model.get_layer("head").set_weights([0 * kernel, bias])
    rows = sweep(model, tmp_path / "made", layers=["conv"])
    assert all(float(row["zero_gradient"]) == 1 for row in rows)
    assert all("zero gradient at 12 of 12 images" in row["note"] for row in rows)
    assert ["the attack changes nothing" in row["note"] for row in rows] == [False, True, True]


def test_a_gradient_too_faint_for_a_whole_step_is_flagged(tmp_path):
    model = network(pytest.importorskip("keras"))
    kernel, bias = model.get_layer("head").get_weights()
    model.get_layer("head").set_weights([1e-9 * kernel, bias])
    rows = sweep(model, tmp_path / "made", layers=["conv"], settings={"norm": "l2"})
    assert all("gradient below 1e-06 at 12 of 12 images" in row["note"] for row in rows)
    assert float(rows[2]["mean_l2_standardised"]) < 0.1 * float(rows[2]["epsilon"])


def test_a_success_rate_without_images_is_empty_and_says_why(new_model, tmp_path):
    rows = sweep(new_model, tmp_path / "made", indices=np.flatnonzero(LABELS == 1))
    assert all(row["success_rate"] == "" for row in rows)
    assert all("no image is of a class other than the target" in row["note"] for row in rows)


def test_strengths_are_ascending_each_once_with_0():
    assert attacks.strengths([0.3, 0.1, 0.1]) == (0.0, 0.1, 0.3)
    assert attacks.strengths([0, 1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epsilons": [0.1, -0.1]}, r"epsilons: expected finite numbers from 0. Received: -0.1"),
        ({"epsilons": [float("nan")]}, r"epsilons: expected finite numbers from 0. Received: nan"),
        ({"epsilons": ["big"]}, r"epsilons: expected finite numbers from 0. Received: 'big'"),
        ({"epsilons": [8]}, r"epsilons: expected from 0 to 1 in pixel units. Received: 8"),
        ({"epsilons": [0.1], "attack": "fgms"}, r"unknown attack 'fgms'. Did you mean 'fgsm'\?"),
        ({"epsilons": [0.1], "norm": "l1"}, r"unknown norm of an attack 'l1'.*Known: l2, linf"),
        ({"epsilons": [0.1], "units": "pixels"}, r"unknown units of an attack 'pixels'"),
        ({"epsilons": [0.1], "target": -1}, r"target: expected a class from 0, or null. Received: -1"),
        ({"epsilons": [0.1], "steps": 0}, r"steps: expected a whole number from 1"),
        ({"epsilons": [0.1], "step_size": 0}, r"step_size: expected a share of ε above 0"),
        ({"epsilons": [0.1], "stepsize": 1}, r"unknown setting 'stepsize'. Did you mean 'step_size'"),
        ({}, r"--settings: expected the key 'epsilons'. Received: none"),
    ],
)
def test_settings_out_of_range_are_refused_in_one_line(settings, message):
    with pytest.raises(InputError, match=message) as caught:
        record_of(AttackSettings, settings)
    assert "\n" not in str(caught.value)


def test_a_target_that_the_model_has_not_is_refused(new_model, tmp_path):
    with pytest.raises(InputError, match=r"target expected from 0 to 2\. Received: 3"):
        sweep(new_model, tmp_path / "made", settings={"target": 3})
    assert not list(tmp_path.iterdir())


def test_a_data_set_of_other_classes_is_refused(new_model, tmp_path):
    with pytest.raises(InputError, match=r"expected 2 classes, as the data\. Received: 3"):
        sweep(new_model, tmp_path / "made", class_names=["a", "b"])


@pytest.mark.parametrize(("head", "outputs"), [("sigmoid", 1), ("sigmoid", 3), (None, 1), ("softmax", 1)])
def test_a_model_without_softmax_or_logits_is_refused(head, outputs):
    model = network(pytest.importorskip("keras"), head, outputs)
    with pytest.raises(InputError, match=r"attacks expected a softmax or logits of two classes or more\. Received"):
        victim(model)


def test_a_model_that_ends_in_logits_is_attacked_on_them(tmp_path):
    model = network(pytest.importorskip("keras"), None)
    expected = attacked(victim(network(pytest.importorskip("keras"))), IMAGES, 0.1)
    np.testing.assert_allclose(attacked(victim(model), IMAGES, 0.1), expected, rtol=0, atol=1e-6)
    with pytest.raises(InputError, match=r"expected a model that ends in a softmax\. Received: logits"):
        victim(model, logits="softmax")


@pytest.mark.parametrize("value", [-1.0, 256.0, np.nan])
def test_images_outside_the_range_of_pixels_are_refused(new_model, tmp_path, value):
    images = IMAGES.astype(np.float32)
    images[-1, 0, 0, 0] = value
    with pytest.raises(InputError, match=r"images expected with values from 0 to 255\. Received"):
        sweep(new_model, tmp_path / "made", images)
    assert not list(tmp_path.iterdir())


def test_attacks_on_networks_of_one_kind_do_not_depend_on_the_code_of_another():
    script, modules = reach.SOURCE.parent / "workflow/scripts/attack_model.py", {}
    for kind in ("file", "torch"):
        entries = [registry.module_of(kind) for registry in (openers.registry, victims.registry)]
        modules[kind] = {module for module, _ in reach.reached(script, entries)}
    both = modules["file"] & modules["torch"]
    assert {f"topodepth.attacks.{name}" for name in ("attacks", "sweep", "victim")} <= both
    assert "topodepth.attacks.keras_victim" in modules["file"] - modules["torch"]
    assert {f"topodepth.attacks.torch_{name}" for name in ("victim", "descent")} <= modules["torch"] - modules["file"]
    assert not {name for name in modules["file"] if ".torch_" in name}
