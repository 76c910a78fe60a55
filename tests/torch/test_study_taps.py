"""`td.taps` of a live PyTorch model: the layers of a measurement, from a first batch, and nothing left in the model."""

import pandas
import pytest
import torch
from torch import nn

import topodepth as td

from .nets import Residual, images, state

QUICK = {"progress": False, "max_dim": 0, "null_draws": 0, "estimators": []}
SAME = ["layer_index", "layer", "relative_depth", "dimension"]


def batch(n=12):
    return torch.tensor(images(n))


@pytest.mark.parametrize("layers", ["auto", "*", ["blocks.*.relu#2", "logits"]])
def test_it_names_what_will_be_measured(layers):
    model = Residual().train()
    before = state(model)
    told = td.taps(model, batch(), layers=layers)
    after = state(model)
    assert before == after
    measured = td.measure(model, batch(), torch.arange(12) % 2, layers=layers, **QUICK)
    expected = measured.table[SAME].drop_duplicates().reset_index(drop=True)
    pandas.testing.assert_frame_equal(told[SAME], expected, check_exact=True)


def test_kind_and_width_are_those_of_the_modules():
    told = td.taps(Residual(blocks=3, width=8, classes=5), batch()).set_index("layer")
    assert told["layer_class"].to_dict() == {
        "blocks.0": "Block", "blocks.1": "Block", "blocks.2": "Block", "logits": "Linear"
    }  # fmt: skip
    assert told["dimension"].tolist() == [8, 8, 8, 5]
    assert told["reduction"].tolist() == ["mean", "mean", "mean", "none"]


def test_a_batch_of_a_loader_a_loader_and_a_map_are_the_same():
    model, data = Residual(), torch.utils.data.TensorDataset(batch(), torch.arange(12) % 2)
    loader = torch.utils.data.DataLoader(data, batch_size=5, shuffle=True)
    told = td.taps(model, batch())
    random = torch.get_rng_state()
    for given in (loader, next(iter(loader)), {"images": batch(), "labels": torch.arange(12) % 2}):
        torch.set_rng_state(random)
        pandas.testing.assert_frame_equal(td.taps(model, given), told)
        assert torch.equal(torch.get_rng_state(), random)


class TwoInputs(nn.Module):
    """What takes the map that a tokenizer gives."""

    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(9, 4), nn.Linear(4, 2)

    def forward(self, input_ids, attention_mask):
        mask = attention_mask[..., None]
        return self.head((self.embed(input_ids) * mask).sum(1) / mask.sum(1))


def test_a_map_of_inputs_is_one_batch_for_a_measurement_too():
    model = TwoInputs()
    both = {"input_ids": torch.randint(0, 9, (30, 6)), "attention_mask": torch.ones(30, 6, dtype=torch.long)}
    told = td.taps(model, both)
    assert told["layer"].tolist() == ["embed", "logits"]
    found = td.measure(model, both, torch.arange(30) % 2, **QUICK)
    other = td.measure(model, [both], torch.arange(30) % 2, **QUICK)
    pandas.testing.assert_frame_equal(found.table, other.table, check_exact=True)
    assert found.layers == told["layer"].tolist()


def test_of_an_iterator_one_batch_is_taken():
    batches = iter([batch(5), batch(5)])
    td.taps(Residual(), batches)
    assert len(list(batches)) == 1


def test_without_a_batch_it_says_what_it_needs():
    with pytest.raises(td.InputError, match=r"images: expected a first batch: a PyTorch model.* Received: none"):
        td.taps(Residual())


@pytest.mark.parametrize("layers", [["stems"], "nothing*", []])
def test_what_measure_refuses_it_refuses_in_the_same_words(layers):
    with pytest.raises(td.InputError) as expected:
        td.measure(Residual(), batch(), layers=layers, **QUICK)
    with pytest.raises(td.InputError) as caught:
        td.taps(Residual(), batch(), layers=layers)
    assert str(caught.value) == str(expected.value)
