"""Which modules of a PyTorch model are tapped, what they are called, and what their values are."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.torch.nets import Block, Residual, images, plain, trained
from topodepth.errors import InputError
from topodepth.networks.torch_network import open_torch

X = images()


def tokens(model, x=X, layers="auto", **settings):
    return [tap.token for tap in open_torch(model, x, layers, **settings).taps]


def values(model, x, layers, **settings):
    network = open_torch(model, x, layers, **settings)
    return dict(zip([tap.token for tap in network.taps], network.run(x).values, strict=True))


def test_what_is_overwritten_later_is_kept_as_it_was():
    model = trained(nn.Sequential(Block(3)), X)
    found = values(model, X, ["0.bn1", "0.bn2", "0.relu#1", "0.relu#2"])
    expected, _ = plain(model, torch.tensor(X), ["0.bn1", "0.bn2", "0.relu"])
    assert (found["0.bn2"] < 0).any()
    assert (found["0.bn1"] < 0).any()
    for name, made in (("0.bn1", expected["0.bn1"][0]), ("0.bn2", expected["0.bn2"][0]),
                       ("0.relu#1", expected["0.relu"][0]), ("0.relu#2", expected["0.relu"][1])):  # fmt: skip
        assert np.allclose(found[name], made.mean((2, 3)), atol=1e-6), name
    assert not np.allclose(found["0.relu#1"], found["0.relu#2"])


def test_blocks_with_an_addition_come_first_and_the_logits_last():
    model = Residual(4)
    assert tokens(model) == ["blocks.0", "blocks.1", "blocks.2", "blocks.3", "logits"]
    depths = [tap.relative_depth for tap in open_torch(model, X).taps]
    assert depths == sorted(depths)
    assert depths[-1] == 1
    # stem, then six applications of layers in each block: conv, bn, relu, conv, bn, relu; then dropout and head
    assert depths[0] == pytest.approx(7 / 27)


def test_at_most_twelve_evenly_spread():
    found = tokens(Residual(30))
    assert len(found) == 12
    assert found[0] == "blocks.0"
    assert found[-2:] == ["blocks.29", "logits"]


def test_without_blocks_layers_with_weights_behind_their_activation():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.GELU(), nn.Flatten(),
        nn.Linear(6, 5), nn.Tanh(), nn.Dropout(), nn.Linear(5, 3), nn.Softmax(1),
    )  # fmt: skip
    assert tokens(model) == ["2", "5", "8", "logits"]
    found = values(model, X, "auto")
    assert np.allclose(torch.softmax(torch.tensor(found["logits"]), 1), plain(model, torch.tensor(X), [])[1], atol=1e-6)


def test_concatenations_make_blocks_too():
    class Fire(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.one, self.three = nn.Conv2d(width, 4, 1), nn.Conv2d(width, 4, 3, padding=1)

        def forward(self, x):
            return torch.cat([self.one(x), self.three(x)], 1)

    model = nn.Sequential(
        nn.Conv2d(3, 8, 1), Fire(8), nn.ReLU(), Fire(8), Fire(8), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    assert tokens(model) == ["1", "3", "4", "output"]


def test_taps_of_an_untrained_network_are_those_of_the_trained_one():
    """Where the last normalisation of each block starts from zero, a block returns what it is given."""
    model = Residual(5)
    for block in model.blocks:
        nn.init.zeros_(block.bn2.weight)
    assert tokens(model) == [f"blocks.{k}" for k in range(5)] + ["logits"]


def test_names_patterns_and_lists():
    model = Residual()
    assert tokens(model, layers="blocks.1") == ["blocks.1"]
    assert tokens(model, layers="blocks.*.conv?") == [f"blocks.{k}.conv{i}" for k in range(3) for i in (1, 2)]
    assert tokens(model, layers=["head", "stem"]) == ["head", "stem"]
    assert tokens(model, layers=["stem", "*m", "logits"]) == ["stem", "logits"]
    assert tokens(model, layers=["blocks.0.relu#2"]) == ["blocks.0.relu#2"]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("blocks.9", "unknown layer of Residual 'blocks.9'. Did you mean"),
        ("block?.9", "unknown layer of Residual 'block[?].9'"),
        ("blocks.0.relu", "'blocks.0.relu' is applied 2 times, expected blocks.0.relu#1 to blocks.0.relu#2"),
        ("blocks.0.relu#3", "is applied 2 times"),
        ([], "layers expected as 'auto' or a list"),
        (3, "layers expected as 'auto' or a list"),
    ],
)
def test_layers_that_are_none_are_refused_in_one_line(layers, message):
    with pytest.raises(InputError, match=message):
        open_torch(Residual(), X, layers)


def test_probabilities_are_no_logits():
    class Probable(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x):
            return (torch.softmax(self.a(x), 1) + torch.softmax(self.b(x), 1)) / 2

    x = images(6, 1, 2).reshape(6, 4)
    with pytest.raises(InputError, match="before a softmax"):
        open_torch(Probable(), x, "logits")
    assert tokens(Probable(), x)[-1] == "output"
    assert tokens(Probable(), x, "output") == ["output"]


class Hidden(nn.Module):
    """Calls one child past its hooks, uses the weights of another, and takes keywords."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.unused = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3), nn.Linear(4, 4)

    def forward(self, x):
        x = self.a.forward(x)
        x = nn.functional.linear(x, self.b.weight)
        return self.c(input=x)


@pytest.mark.parametrize("name", ["a", "b", "unused"])
def test_modules_that_are_never_called_are_left_out_and_refused_by_name(name):
    x = images(6, 1, 2).reshape(6, 4)
    assert tokens(Hidden(), x) == ["logits"]
    with pytest.raises(InputError, match=f"'{name}' expected to be called in a forward pass"):
        open_torch(Hidden(), x, name)


def test_compiled_and_parallel_models_have_the_names_and_values_of_what_is_inside():
    plain_model = trained(Residual(), X)
    expected = values(plain_model, X, "auto")
    for wrap in (nn.DataParallel, lambda model: nn.DataParallel(nn.DataParallel(model))):
        found = values(wrap(plain_model), X, "auto")
        assert list(found) == list(expected)
        assert all(np.array_equal(found[key], expected[key]) for key in expected)
    inner = Residual()
    inner.load_state_dict(plain_model.state_dict())
    inner.blocks = nn.DataParallel(inner.blocks)
    assert tokens(inner) == list(expected)


@pytest.mark.parametrize("how", ["whole", "inner", "in place"])
def test_a_model_compiled_and_used_before_is_heard_in_every_batch(how):
    model = trained(Residual(), X).eval()
    expected = values(model, X, "auto")
    compiled = model
    if how == "whole":
        compiled = torch.compile(model, backend="eager")
    elif how == "inner":
        model.blocks = torch.compile(model.blocks, backend="eager")
    else:
        model.compile(backend="eager")
    with torch.no_grad():
        compiled(torch.tensor(X))
    network = open_torch(compiled, X)
    for _ in range(2):
        for tap, found in zip(network.taps, network.run(X).values, strict=True):
            assert np.array_equal(found, expected[tap.token]), tap.token


def test_scripted_traced_and_exported_models_are_refused_with_a_way_out():
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    x = images(6, 1, 2).reshape(6, 4)
    example = torch.tensor(x)
    for made in (torch.jit.script(model), torch.jit.trace(model, example)):
        with pytest.raises(InputError, match="scripted or traced module, whose layers cannot be listened to; pass"):
            open_torch(made, x)
    program = torch.export.export(model, (example,), dynamic_shapes=({0: torch.export.Dim("n")},))
    with pytest.raises(InputError, match=r"torch\.export\.unflatten"):
        open_torch(program, x)
    assert tokens(torch.export.unflatten(program), x) == ["0", "logits"]  # whose activations are no longer called so
    assert tokens(torch.fx.symbolic_trace(model), x) == ["1", "logits"]
    with_script = nn.Sequential(
        nn.Linear(4, 4), nn.ReLU(), torch.jit.script(nn.Sequential(nn.Linear(4, 4))), nn.Linear(4, 3)
    )
    before = [module.training for module in with_script.modules()]
    assert tokens(with_script, x) == ["1", "logits"]
    assert [module.training for module in with_script.modules()] == before


def test_outputs_in_tuples_maps_and_data_classes():
    class Dicts(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.attention = nn.LSTM(4, 6, batch_first=True), nn.MultiheadAttention(6, 2, batch_first=True)
            self.head = nn.Linear(6, 3)

        def forward(self, x):
            made, _ = self.lstm(x)
            made, weights = self.attention(made, made, made)
            return {"loss": made.sum(), "ids": torch.arange(3), "logits": [self.head(made.mean(1))], "weights": weights}

    x = images(9, 1, 8)[:, 0, :5, :4]
    found = values(Dicts(), x, ["lstm", "attention", "logits"])
    assert {key: value.shape for key, value in found.items()} == {"lstm": (9, 6), "attention": (9, 6), "logits": (9, 3)}


def test_a_model_without_tensors_or_taps_is_refused_in_one_line():
    class Silent(nn.Linear):
        def forward(self, x):
            super().forward(x)
            return "done"

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4))

        def forward(self, x):
            return (x @ self.weight).sum()[None]

    x = images(6, 1, 2).reshape(6, 4)
    with pytest.raises(InputError, match="Received: nothing tensor-like, str"):
        open_torch(Silent(4, 3), x)
    with pytest.raises(InputError, match="found no layer to tap"):
        open_torch(Whole(), x)
    with pytest.raises(InputError, match="Received: int"):
        open_torch(3, x)
    with pytest.raises(InputError, match="Received: none yet"):
        open_torch(nn.LazyLinear(3), x)


def test_copies_on_several_devices_are_refused():
    model = Residual()
    model.blocks = nn.DataParallel(model.blocks)
    model.blocks.device_ids = [0, 1]
    with pytest.raises(InputError, match=r"'blocks' expected on one device, use its .module"):
        open_torch(model, X)


def test_a_module_that_keeps_the_one_around_it():
    model = Residual()
    model.blocks[0].parent = model
    assert tokens(model) == ["blocks.0", "blocks.1", "blocks.2", "logits"]


def test_a_module_under_two_names():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = self.second = nn.Linear(4, 4)

        def forward(self, x):
            return self.second(torch.relu(self.first(x)))

    x = images(6, 1, 2).reshape(6, 4)
    assert tokens(Twice(), x, ["second#2"]) == tokens(Twice(), x, ["first#2"]) == ["first#2"]


class Keyword(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 4)

    def forward(self, x):
        return self.head(input=self.body(x).relu().mean((2, 3))).log_softmax(1)


@pytest.mark.parametrize("model", [Residual(2), Keyword()], ids=["as it is", "by keyword, log-softmax behind it"])
def test_penultimate_is_what_the_logits_are_made_of(model):
    found = values(model, X, ["penultimate", "logits"])
    head = model.head
    made = found["penultimate"] @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    assert found["penultimate"].shape == (len(X), head.in_features)
    assert np.allclose(made, found["logits"], atol=1e-6)
    both = values(model, X, ["head", "penultimate", "logits"])
    assert list(both) == ["head", "penultimate", "logits"]
    assert np.array_equal(both["penultimate"], found["penultimate"])
    assert np.array_equal(both["head"], found["logits"])
    depths = [tap.relative_depth for tap in open_torch(model, X, ["penultimate", "logits"]).taps]
    assert 0 < depths[0] < depths[1] <= 1


class MeanOfItems(nn.Module):
    def forward(self, x):
        return x.mean(0)


def test_penultimate_of_a_model_without_a_dense_head_is_refused():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 6), nn.Flatten(), nn.Softmax(1))
    with pytest.raises(InputError, match=r"'penultimate' expected as the features \(n, d\) that a layer with weights"):
        values(model, X, ["penultimate"])
    with pytest.raises(InputError, match=r"'penultimate' expected to return points of the items. Received: \(5,\), in"):
        values(nn.Sequential(nn.Flatten(), nn.Linear(X[0].size, 5), MeanOfItems()), X, ["penultimate"])
    named = nn.Sequential()
    named.add_module("penultimate", nn.Conv2d(3, 4, 3))
    assert tokens(named, layers=["penultimate"]) == ["penultimate"]


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.LogSoftmax(1), nn.Sigmoid(), nn.Identity()])
def test_logits_are_what_a_softmax_its_logarithm_or_a_sigmoid_is_made_of(end):
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 7), nn.ReLU(), nn.Linear(7, 4), end)
    found = values(model, X, ["3", "logits"])
    assert np.array_equal(found["3"], found["logits"])
    one = nn.Sequential(nn.Flatten(), nn.Linear(192, 1), nn.Sigmoid())
    assert np.array_equal(*values(one, X, ["1", "logits"]).values())
    squared = nn.Sequential(nn.Flatten(), nn.Linear(192, 4), nn.Softplus())  # no inverse is known of this
    assert (values(squared, X, ["logits"])["logits"] > 0).all()
