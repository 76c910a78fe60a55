"""Attacks on PyTorch models: each image apart, within bounds, by hand's formula, as on Keras, and all as found."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.torch import nets
from topodepth.attacks import attacks
from topodepth.attacks.attacks import AttackSettings
from topodepth.attacks.torch_victim import TorchVictim
from topodepth.datasets import Normaliser
from topodepth.errors import InputError

N, CLASSES = 12, 5
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 8, 8, 3)).astype(np.uint8)
SHIFT, SCALE = np.array([120, 110, 100], np.float32), np.array([50, 60, 70], np.float32)
NORMALISE = Normaliser(SHIFT, SCALE)
NORMS = ("linf", "l2")


@pytest.fixture
def model():
    return nets.trained(nets.Residual(classes=CLASSES), nets.images())


def victim(model, **settings):
    settings = {"epsilons": [0.1], "units": "standardised", "clip": False} | settings
    return TorchVictim(model, IMAGES, NORMALISE, AttackSettings(**settings))


def attacked(subject, images, epsilon):
    start = subject.start(images)
    return subject.attack(start, *subject.gradient(start), epsilon)


def by_hand(model, x, norm, epsilon, target=None):
    """x + ε · direction of the gradient of the cross-entropy, of images (n, height, width, channels)."""
    model = copy.deepcopy(model).eval()
    x = torch.tensor(x, requires_grad=True)
    logits = model(x.permute(0, 3, 1, 2))
    labels = logits.argmax(1) if target is None else torch.full((len(x),), target)
    loss = functional.cross_entropy(logits, labels, reduction="sum")
    loss.backward()
    gradient = x.grad.numpy() * (1 if target is None else -1)
    lengths = np.sqrt((gradient**2).sum(axis=(1, 2, 3), keepdims=True))
    return x.detach().numpy() + epsilon * (np.sign(gradient) if norm == "linf" else gradient / lengths)


@pytest.mark.parametrize("target", [None, 2])
@pytest.mark.parametrize("norm", NORMS)
def test_the_fast_gradient_method_is_its_formula_at_every_strength(model, norm, target):
    subject = victim(model, norm=norm, target=target)
    start = subject.start(IMAGES)
    gradient, labels = subject.gradient(start)
    for epsilon in (0.005, 0.1, 2.0):
        expected = by_hand(model, NORMALISE(IMAGES), norm, epsilon, target)
        found = subject.attack(start, gradient, labels, epsilon)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 + 1e-5 * epsilon)
        assert np.abs(found - NORMALISE(IMAGES)).max() > 0.01 * epsilon


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("attack", attacks.registry.names())
def test_an_image_is_attacked_alike_alone_in_a_batch_and_at_another_place(model, attack, norm):
    """Random starts too: they depend on the image and the seed."""
    subject = victim(model, attack=attack, norm=norm, steps=4)
    together = attacked(subject, IMAGES, 0.1)
    alone = np.concatenate([attacked(subject, IMAGES[k : k + 1], 0.1) for k in range(N)])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)
    np.testing.assert_allclose(attacked(subject, IMAGES[::-1].copy(), 0.1)[::-1], together, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(attacked(subject, IMAGES, 0.1), together)


@pytest.mark.parametrize("attack", attacks.registry.names())
def test_passes_hold_as_many_images_whatever_the_batch(model, attack):
    """Sums of other batches are rounded in another way, which in ResNet-20 ends 2 ε apart: tests of shared models."""
    sizes = set()
    subject = victim(model, attack=attack, steps=2)
    model.register_forward_hook(lambda module, args, output: sizes.add(len(output)))
    for n in (1, N, 50):
        attacked(subject, np.resize(IMAGES, (n, 8, 8, 3)), 0.1)
    assert len(sizes) == 1


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("units", attacks.UNITS)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("attack", attacks.registry.names())
def test_every_attack_keeps_to_its_strength_and_its_bounds_and_does_nothing_at_strength_0(
    model, attack, norm, units, clip
):
    subject = victim(model, attack=attack, norm=norm, units=units, clip=clip, target=1, steps=4)
    start = subject.start(IMAGES)
    found = attacked(subject, IMAGES, 0.3)
    sizes = subject.perturbation(start, found)[f"{norm}_{units}"]
    assert sizes.max() <= 0.3 * (1 + 1e-6)
    assert sizes.min() > 0.03
    low, high = (0, 1) if units == "pixel" else ((0 - SHIFT) / SCALE, (255 - SHIFT) / SCALE)
    inside = (found >= low).all() and (found <= high).all()
    assert inside if clip else not inside or norm == "l2"
    np.testing.assert_array_equal(
        subject.model_input(attacked(subject, IMAGES, 0.0)), subject.model_input(start.numpy())
    )


def test_in_pixel_units_the_attack_is_made_on_pixels(model):
    class Normalised(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, x):
            return self.inner((255 * x - torch.tensor(SHIFT)[:, None, None]) / torch.tensor(SCALE)[:, None, None])

    pixels = IMAGES.astype(np.float32) / np.float32(255)
    expected = by_hand(Normalised(), pixels, "linf", 0.3).clip(0, 1)
    np.testing.assert_allclose(attacked(victim(model, units="pixel", clip=True), IMAGES, 0.3), expected, atol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
def test_random_starts_are_of_the_seed_and_of_the_image_and_fill_the_ball(model, norm):
    def start(seed, epsilon):
        subject = victim(model, attack="pgd", norm=norm, steps=1, step_size=1e-6, seed=seed)
        return attacked(subject, IMAGES, epsilon) - subject.start(IMAGES).numpy()

    first = start(0, 0.2)
    np.testing.assert_array_equal(first, start(0, 0.2))
    assert np.abs(first - start(1, 0.2)).max() > 1e-3
    np.testing.assert_allclose(start(0, 0.4), 2 * first, rtol=0, atol=1e-5)  # in the same direction at each strength
    assert np.abs(first[0] - first[1]).max() > 1e-3
    flat = first.reshape(N, -1).astype(np.float64)
    if norm == "linf":  # uniform in the cube: half of all values further than ε/2
        assert (np.abs(flat) > 0.1).mean() == pytest.approx(0.5, abs=0.05)
    else:  # uniform in the ball of d = 192: the norm is ε U^(1/d), never quite ε
        lengths = np.linalg.norm(flat, axis=1)
        assert lengths.mean() == pytest.approx(0.2 * 192 / 193, rel=0.01)
        assert lengths.max() < 0.2


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("attack", attacks.registry.names())
def test_the_model_and_all_random_states_are_as_found(model, attack, frozen):
    model.train()
    model.blocks[1].bn1.eval()
    model.stem.weight.requires_grad_(not frozen)
    model(torch.tensor(nets.images())).sum().backward()
    before = nets.state(model)
    subject = victim(model, attack=attack, steps=2)
    attacked(subject, IMAGES, 0.1)
    assert nets.state(model) == before


def test_the_model_is_as_found_after_an_error_in_an_attack(model):
    model.train()
    before = nets.state(model)
    subject = victim(model, attack="pgd")
    start = subject.start(IMAGES)
    with pytest.raises((IndexError, RuntimeError)):
        subject.attack(start, start, torch.full((N,), CLASSES), 0.1)  # no such class
    assert nets.state(model) == before


def test_dropout_and_statistics_are_those_of_eval(model):
    found = attacked(victim(model.train()), IMAGES, 0.1)
    np.testing.assert_array_equal(found, attacked(victim(model.eval()), IMAGES, 0.1))


def test_a_gradient_that_is_not_finite_is_one_line(model):
    model.head.weight.data[0, 0] = float("nan")
    with pytest.raises(
        InputError, match=r"Residual: gradient of the loss expected to be finite. Received: NaN"
    ) as error:
        attacked(victim(model), IMAGES, 0.1)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("attack", ["fgsm", "bim"])
def test_where_the_gradient_is_zero_images_stay(model, attack, norm):
    model.head.weight.data.zero_()
    subject = victim(model, attack=attack, norm=norm)
    np.testing.assert_array_equal(attacked(subject, IMAGES, 0.5), subject.start(IMAGES))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("attack", attacks.registry.names())
def test_a_faint_gradient_is_followed_all_the_way_whatever_the_batch(model, attack, norm):
    model.head.weight.data *= 1e-8
    subject = victim(model, attack=attack, norm=norm, steps=4)
    start = subject.start(IMAGES)
    sizes = subject.perturbation(start, attacked(subject, IMAGES, 0.1))[f"{norm}_standardised"]
    assert sizes.min() > 0.09
    alone = attacked(subject, IMAGES[:1], 0.1)
    np.testing.assert_allclose(attacked(subject, IMAGES, 0.1)[:1], alone, rtol=0, atol=1e-4)


class Ending(nn.Module):
    """A dense classifier with an end of its own."""

    def __init__(self, end, outputs=CLASSES):
        super().__init__()
        self.flat, self.head, self.end = nn.Flatten(), nn.Linear(192, outputs), end

    def forward(self, x):
        return self.end(self.head(self.flat(x)))


def plain(x):
    return x


ENDS = {"softmax": nn.Softmax(1), "tuple": lambda x: (x, x.sum()), "map": lambda x: {"logits": x},
        "log-softmax": nn.LogSoftmax(1), "softmax as a function": lambda x: functional.softmax(x, dim=1)}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_the_loss_is_of_the_logits_however_the_model_ends(end):
    model = Ending(ENDS[end])
    same = Ending(plain)
    same.load_state_dict(model.state_dict())
    expected = attacked(victim(same, norm="l2"), IMAGES, 0.1)
    np.testing.assert_allclose(attacked(victim(model, norm="l2"), IMAGES, 0.1), expected, rtol=0, atol=1e-5)


def test_probabilities_take_the_place_of_logits_only_on_request():
    model = Ending(nn.Softmax(1))
    found = {how: attacked(victim(model, logits=how, norm="l2"), IMAGES, 1.0) for how in attacks.LOGITS}
    expected = by_hand(model, NORMALISE(IMAGES), "l2", 1.0)  # it takes the output for logits
    np.testing.assert_allclose(found["softmax"], expected, rtol=0, atol=1e-5)
    assert np.abs(found["logits"] - found["softmax"]).max() > 1e-3


class Cut(Ending):
    """A model that lets no gradient through."""

    def forward(self, x):
        return super().forward(x.detach())


class Unseen(Ending):
    """A softmax of values that no module returns."""

    def forward(self, x):
        return functional.softmax(self.head(self.flat(x)) * 3, dim=1)


@pytest.mark.parametrize(
    ("build", "settings", "message"),
    [
        (lambda: Ending(nn.Sigmoid()), {}, r"attacks expected a softmax or logits of two classes.*Received: sigmoids"),
        (lambda: Ending(plain, 1), {}, r"two classes or more\. Received: an output of shape \(8, 1\)"),
        (lambda: nn.Conv2d(3, 4, 1), {}, r"two classes or more\. Received: an output of shape \(8, 4, 8, 8\)"),
        (lambda: Ending(plain), {"logits": "softmax"}, r"`logits: softmax` expected a model that ends in a softmax"),
        (lambda: Unseen(None), {}, r"which no module returns\. Received: probabilities; .*`logits: softmax`"),
        (lambda: Ending(plain), {"target": CLASSES}, r"target expected from 0 to 4\. Received: 5"),
        (lambda: Ending(torch.sigmoid), {}, r"Received: sigmoids"),
        (lambda: Cut(plain), {}, r"output has a gradient at its input\. Received: none; is there"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_attacked_is_refused_in_one_line(build, settings, message):
    with pytest.raises(InputError, match=message) as error:
        attacked(victim(build(), **settings), IMAGES, 0.1)
    assert "\n" not in str(error.value)


def test_an_attack_of_a_users_own_gets_what_numpy_reads_and_scores_to_differentiate(model, monkeypatch):
    def mine(victim, start, gradient, labels, epsilon):
        x = torch.tensor(np.asarray(start), requires_grad=True)
        loss = functional.cross_entropy(victim.scores(x), labels, reduction="sum")
        found = torch.autograd.grad(loss, x)[0].numpy()
        np.testing.assert_allclose(found, np.asarray(gradient), rtol=0, atol=1e-6)
        return np.asarray(start) + epsilon * np.sign(found)

    subject = victim(model)
    expected, before = attacked(subject, IMAGES, 0.1), nets.state(model)
    monkeypatch.setattr(attacks.registry, "get", lambda name: mine)
    np.testing.assert_allclose(attacked(subject, IMAGES, 0.1), expected, rtol=0, atol=1e-6)
    assert nets.state(model) == before


@pytest.mark.parametrize("value", [-1.0, 256.0, np.nan])
def test_images_outside_the_range_of_pixels_are_refused(model, value):
    images = IMAGES.astype(np.float32)
    images[0, 0, 0, 0] = value
    with pytest.raises(InputError, match=r"images expected with values from 0 to 255\. Received"):
        victim(model).start(images)


def test_a_model_with_channels_last_is_attacked_alike():
    class Last(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x.permute(0, 3, 1, 2))

    inner = nets.Residual(classes=CLASSES).eval()
    settings = AttackSettings([0.1], attack="bim", norm="l2")
    found = [
        attacked(TorchVictim(each, IMAGES, NORMALISE, settings, channels_first=first), IMAGES, 0.1)
        for each, first in ((inner, True), (Last(inner), False))
    ]
    np.testing.assert_allclose(*found, rtol=0, atol=1e-6)


def test_a_model_that_writes_into_its_input_is_attacked():
    model = nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(192, CLASSES))
    same = nn.Sequential(nn.ReLU(), *model[1:])
    np.testing.assert_array_equal(attacked(victim(model), IMAGES, 0.1), attacked(victim(same), IMAGES, 0.1))


def test_foolbox_is_imported_where_there_is_no_git(model, monkeypatch):
    """GitPython 3.2.1, which Foolbox 3.3.4 imports for its zoo, raises at import without a git program."""
    import subprocess
    import sys

    code = "from topodepth.attacks.torch_victim import _foolbox; print(sorted(_foolbox().DESCENTS))"
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("GIT_PYTHON_REFRESH", raising=False)
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stdout.split() == ["['l2',", "'linf']"], done.stderr
