"""Tokens: which are real, what is taken of them, and outputs without axes of their own (nested, packed)."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.torch.nets import plain
from topodepth.errors import InputError
from topodepth.networks.torch_network import open_torch

LENGTHS = (7, 4, 6, 2, 7, 5, 3, 1, 6)
VOCABULARY = 50


def sequences(pad=0, left=False):
    """Tokens (items, places) and their mask, with so many pads more on the right, or all pads on the left."""
    ids = torch.randint(3, VOCABULARY, (len(LENGTHS), max(LENGTHS)), generator=torch.Generator().manual_seed(1))
    mask = torch.arange(max(LENGTHS))[None] < torch.tensor(LENGTHS)[:, None]
    ids, mask = nn.functional.pad(ids * mask, (0, pad)), nn.functional.pad(mask, (0, pad))
    if left:
        ids, mask = ids.flip(1), mask.flip(1)
    return {"input_ids": ids, "attention_mask": mask.long()}


class Recurrent(nn.Module):
    """Embeds tokens, and gives what a recurrent layer makes of packed ones."""

    def __init__(self, packed=True, batch_first=True):
        super().__init__()
        self.embed, self.packed, self.batch_first = nn.Embedding(VOCABULARY, 6), packed, batch_first
        self.lstm, self.head = nn.LSTM(6, 5, batch_first=batch_first), nn.Linear(5, 3)

    def forward(self, input_ids, attention_mask):
        made = self.embed(input_ids)
        if self.packed:
            lengths = attention_mask.sum(1)
            made = nn.utils.rnn.pack_padded_sequence(made, lengths, batch_first=True, enforce_sorted=False)
        elif not self.batch_first:
            made = made.transpose(0, 1)
        _, (state, _) = self.lstm(made)
        return self.head(state[-1])


class Encoder(nn.Module):
    """PyTorch's own encoder."""

    def __init__(self, layers=3):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.embed = nn.Embedding(VOCABULARY, 8)
        self.encoder, self.head = nn.TransformerEncoder(layer, layers), nn.Linear(8, 4)

    def forward(self, input_ids, attention_mask):
        made = self.encoder(self.embed(input_ids), src_key_padding_mask=~attention_mask.bool())
        return self.head(made[:, 0])


def values(model, inputs, layers, **settings):
    network = open_torch(model, inputs, layers, **settings)
    found = network.run(inputs)
    return dict(zip([tap.token for tap in network.taps], found.values, strict=True)), found.rows


def expected(made, mask, pooling):
    """Work out a pooling item by item."""
    items = [item[keep] for item, keep in zip(made.detach().numpy(), mask.bool().numpy(), strict=True)]
    take = {"mean": lambda item: item.mean(0), "first": lambda item: item[0], "last": lambda item: item[-1]}
    return np.concatenate(items) if pooling == "tokens" else np.array([take[pooling](item) for item in items])


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
@pytest.mark.parametrize("pooling", ["mean", "first", "last", "tokens"])
def test_only_real_tokens_count(pooling, left):
    inputs, model = sequences(3, left=left), Recurrent(packed=False)
    found, rows = values(model, inputs, ["embed"], pooling=pooling)
    made, _ = plain(model, inputs, ["embed"])
    assert np.allclose(found["embed"], expected(made["embed"][0], inputs["attention_mask"], pooling), atol=1e-6)
    owners = np.repeat(np.arange(len(LENGTHS)), LENGTHS) if pooling == "tokens" else np.arange(len(LENGTHS))
    assert rows.tolist() == owners.tolist()


@pytest.mark.parametrize("pooling", ["mean", "first", "last", "tokens"])
def test_packed_sequences(pooling):
    inputs, model = sequences(2), Recurrent()
    found, _ = values(model, inputs, ["lstm"], pooling=pooling)
    made, _ = nn.utils.rnn.pad_packed_sequence(packed_output(model, inputs), batch_first=True)
    assert np.allclose(found["lstm"], expected(made, inputs["attention_mask"][:, : max(LENGTHS)], pooling), atol=1e-6)


def packed_output(model, inputs):
    lengths = inputs["attention_mask"].sum(1)
    packed = nn.utils.rnn.pack_padded_sequence(
        model.embed(inputs["input_ids"]), lengths, batch_first=True, enforce_sorted=False
    )
    return model.lstm(packed)[0]


def test_the_batch_may_be_the_second_axis():
    inputs = sequences()
    found, _ = values(Recurrent(packed=False, batch_first=False), inputs, ["embed", "lstm"])
    torch.manual_seed(0)
    first, _ = values(Recurrent(packed=False, batch_first=True), inputs, ["embed", "lstm"])
    torch.manual_seed(0)
    second, _ = values(Recurrent(packed=False, batch_first=False), inputs, ["embed", "lstm"])
    assert found["lstm"].shape == (len(LENGTHS), 5)
    assert np.allclose(first["lstm"], second["lstm"], atol=1e-6)


@pytest.mark.parametrize("layers", [["encoder.layers.0", "encoder.layers.2"], ["encoder.layers.2"], ["encoder"],
                                    ["encoder.layers.1.linear1"]])  # fmt: skip
def test_nested_tensors_of_the_fast_path_are_masked_means(layers):
    """PyTorch's encoder packs padded batches into nested tensors where no gradients are wanted."""
    model, inputs = Encoder().eval(), sequences(2)
    found, _ = values(model, inputs, layers)
    kept = {}
    for name in layers:
        model.get_submodule(name).register_forward_hook(lambda m, args, out, name=name: kept.setdefault(name, out))
    model(**inputs)  # with gradients: no fast path
    for name in layers:
        assert np.allclose(found[name], expected(kept[name], inputs["attention_mask"], "mean"), atol=1e-5), name


def test_auto_in_pytorchs_encoder_takes_its_layers():
    tokens = [tap.token for tap in open_torch(Encoder(), sequences()).taps]
    assert {"encoder.layers.0", "encoder.layers.1", "encoder.layers.2", "logits"} <= set(tokens)


@pytest.mark.parametrize("name", ["encoder.layers.0.self_attn.out_proj", "encoder.layers.0.missing"])
def test_the_projection_inside_attention_is_never_called(name):
    with pytest.raises(InputError, match=r"expected to be called in a forward pass|unknown layer of Encoder"):
        open_torch(Encoder(), sequences(), name)


def test_a_mask_of_other_places_is_refused_and_left_out():
    class Halved(Recurrent):
        def __init__(self):
            super().__init__(packed=False)
            self.halve = nn.Conv1d(6, 6, 2, 2)

        def forward(self, input_ids, attention_mask):
            made = self.halve(self.embed(input_ids).transpose(1, 2)).transpose(1, 2)
            return self.head(self.lstm(made)[1][0][-1])

    inputs = sequences(1)
    with pytest.raises(InputError, match="'lstm' expected to return points of the items"):
        open_torch(Halved(), inputs, "lstm")
    assert "lstm" not in [tap.token for tap in open_torch(Halved(), inputs).taps]
    whole = {"input_ids": inputs["input_ids"], "attention_mask": torch.ones_like(inputs["attention_mask"])}
    assert "lstm" in [tap.token for tap in open_torch(Halved(), whole).taps]


def test_an_item_without_tokens_is_refused():
    inputs = sequences()
    network = open_torch(Recurrent(packed=False), inputs, "embed")
    inputs["attention_mask"][2] = 0
    with pytest.raises(InputError, match="'attention_mask' expected to leave a token of every item"):
        network.run(inputs)


def test_unknown_poolings_are_refused():
    with pytest.raises(InputError, match=r"unknown pooling 'max'. Known: first, last, mean, tokens"):
        open_torch(Recurrent(), sequences(), pooling="max")
