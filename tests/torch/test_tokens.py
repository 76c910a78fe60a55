"""Tokens as points in one call, and the null model of shuffled tokens where its values are known."""

import numpy as np
import pytest
import torch
from torch import nn

import topodepth as td
from topodepth.activations import file as activations
from topodepth.activations.tokens import shuffled

LENGTHS = np.array([9, 3, 7, 1, 8, 2, 9, 5, 6, 4, 9, 7])
LABELS = np.arange(12) % 2
WORDS = 40
QUICK = {"descriptors": "lifespan_sum", "estimators": "two_nn", "max_dim": 0, "null_draws": 1, "points": None,
         "jackknife_groups": 0, "dimension_null_draws": 0, "progress": False}  # fmt: skip


class Bag(nn.Module):
    """Embeds words, and adds where they stand if it is asked to; small whole numbers, whose sums are exact."""

    def __init__(self, positions=False, features=6):
        super().__init__()
        self.embed, self.where = nn.Embedding(WORDS, features), nn.Embedding(16, features)
        self.act, self.positions = nn.ReLU(), positions
        self.head = nn.Linear(features, 2)
        for layer in (self.embed, self.where):
            layer.weight.data = torch.randint(-8, 9, layer.weight.shape).float()

    def forward(self, input_ids, attention_mask=None):
        made = self.embed(input_ids)
        if self.positions:
            made = made + self.where(torch.arange(made.shape[1]))
        return self.head(self.act(made).mean(1))


def bert():
    """A small random encoder of transformers."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    return BertModel(
        BertConfig(vocab_size=WORDS, hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
                   max_position_embeddings=16, initializer_range=0.5), add_pooling_layer=False)  # fmt: skip


def items():
    random = np.random.default_rng(4)
    return [random.integers(3, WORDS, length) for length in LENGTHS]


def batches(size=12, labels=True):
    """Items in batches of a size, each padded on the right to its longest."""
    for start in range(0, len(LENGTHS), size):
        chosen = items()[start : start + size]
        places = max(map(len, chosen))
        ids = np.array([np.pad(item, (0, places - len(item))) for item in chosen])
        mask = np.arange(places) < LENGTHS[start : start + size, None]
        held = {"labels": torch.tensor(LABELS[start : start + size])} if labels else {}
        yield {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask).long(), **held}


@pytest.fixture
def measured():
    """Measures, and returns the activations, which lie in a file that goes with the measurement."""
    kept = []

    def measure(model, given, **options):
        kept.append(td.measure(model, given, **{**QUICK, **options}))
        return kept[-1].activations

    return measure


def owners(file):
    return list(zip(file.indices.tolist(), file.places.tolist(), strict=True))


def test_every_token_is_a_point_with_its_item_and_its_label(measured):
    model = Bag()
    file = measured(model, batches(), layers=["embed"], pooling="tokens")
    assert owners(file) == [(item, place) for item, length in enumerate(LENGTHS) for place in range(length)]
    expected = model.embed.weight.detach().numpy()[np.concatenate(items())]
    np.testing.assert_array_equal(file.points("embed"), expected)
    np.testing.assert_array_equal(file.labels, np.repeat(LABELS, LENGTHS))
    assert activations.validate(file.path) == []


def test_a_sample_depends_on_the_seed_and_not_on_the_batches(measured):
    model, options = bert(), {"pooling": "tokens", "tokens": 25, "shuffled_draws": 1, "layers": ["encoder.layer.*"]}
    whole, parts, other = (
        measured(model, batches(size), seed=seed, **options) for size, seed in ((12, 0), (5, 0), (12, 1))
    )
    assert owners(parts) == owners(whole)
    assert len(set(owners(whole))) == 25
    assert set(owners(other)) != set(owners(whole))
    np.testing.assert_array_equal(whole.labels, LABELS[whole.indices])
    for name in ("encoder.layer.0", "encoder.layer.1"):
        assert np.allclose(parts.points(name), whole.points(name), atol=1e-5)
        assert np.allclose(next(parts.shuffled(name)), next(whole.shuffled(name)), atol=1e-5)


def test_items_are_rows_of_the_data(measured):
    ids, rows = np.random.default_rng(0).integers(0, WORDS, (12, 5)), [7, 2, 11]
    file = measured(Bag(), ids, labels=LABELS, indices=rows, layers=["embed"], pooling="tokens", clouds="all")
    assert file.indices.tolist() == np.repeat(rows, 5).tolist()
    assert file.labels.tolist() == np.repeat(LABELS[rows], 5).tolist()
    assert file.places.tolist() == [0, 1, 2, 3, 4] * 3


@pytest.mark.parametrize("pooling", ["mean", "tokens"])
def test_words_without_places_are_their_own_null(pooling):
    """The mean over a bag of words does not know their order; nor does a word that is nothing but its embedding."""
    found = td.measure(Bag(), batches(), layers=["embed", "act"], pooling=pooling, shuffled_draws=2, **QUICK)
    for layer in found.layers:
        for draw in found.activations.shuffled(layer):
            np.testing.assert_array_equal(draw, found.activations.points(layer))
    np.testing.assert_array_equal(found.table["shuffled_value"], found.table["value"])
    assert np.allclose(found.table["relative_to_shuffled_value"], 1)
    topology = found.table[found.table["descriptor"] == "lifespan_sum"]
    assert not np.allclose(topology["null_value"], topology["value"])  # features permuted


def test_words_with_places_have_another_null():
    model, options = Bag(positions=True), {"layers": ["act"], "pooling": "tokens", "shuffled_draws": 2}
    found = td.measure(model, batches(), **QUICK, **options)
    first, second = found.activations.shuffled("act")
    assert not np.array_equal(first, found.activations.points("act"))
    assert not np.array_equal(first, second)
    assert not np.isclose(found.table["shuffled_value"], found.table["value"]).any()
    # the word is in its own row, the place where it stands now is added
    embedded, where = (layer.weight.detach().numpy() for layer in (model.embed, model.where))
    for inputs in batches(labels=False):
        _, now = shuffled(inputs, seed=0)
    places = now - np.repeat(np.cumsum(LENGTHS) - LENGTHS, LENGTHS)
    np.testing.assert_array_equal(first, np.maximum(embedded[np.concatenate(items())] + where[places], 0))


@pytest.mark.parametrize("pooling", ["mean", "first", "last", "tokens"])
def test_the_null_is_what_the_network_gives_for_each_item_alone(measured, pooling):
    """Passed one by one and without padding, in the orders that the seed gives."""
    model, options = bert(), {"layers": ["encoder.layer.1"], "pooling": pooling, "seed": 3, "clouds": "all"}
    found = list(measured(model, batches(5), shuffled_draws=2, **options).shuffled("encoder.layer.1"))
    for draw in range(2):
        expected = []
        for item, words in enumerate(items()):
            mixed, now = shuffled(torch.tensor(words[None]), 3, item, draw=draw, pooling=pooling)
            with torch.no_grad():
                made = model.eval()(input_ids=mixed).last_hidden_state[0].numpy()
            take = {"mean": made.mean(0)[None], "first": made[:1], "last": made[-1:], "tokens": made[now]}
            expected.append(take[pooling])
        assert np.allclose(found[draw], np.concatenate(expected), atol=1e-5)


def test_the_first_token_of_a_decoder_sees_no_order(measured):
    from transformers import GPT2Config, GPT2Model

    model = GPT2Model(GPT2Config(vocab_size=WORDS, n_positions=16, n_embd=12, n_layer=2, n_head=2, bos_token_id=0,
                                 eos_token_id=0, initializer_range=0.5))  # fmt: skip
    options = {"layers": ["h.1"], "shuffled_draws": 1}
    first, last = (measured(model, batches(), pooling=pooling, **options) for pooling in ("first", "last"))
    assert np.allclose(next(first.shuffled("h.1")), first.points("h.1"), atol=1e-5)
    assert not np.allclose(next(last.shuffled("h.1")), last.points("h.1"), atol=1e-2)


def test_a_saved_file_has_the_same_table(tmp_path):
    found = td.measure(bert(), batches(), pooling="tokens", tokens=30, shuffled_draws=2, **QUICK)
    again = td.measure(found.save(tmp_path / "tokens.h5"), **QUICK)
    assert again.write_table(tmp_path / "again.csv").read_bytes() == found.write_table(tmp_path / "a.csv").read_bytes()
    assert again.table["shuffled_value"].notna().all()


def test_a_monitor_has_the_same_columns(tmp_path):
    logged = []
    settings = {key: value for key, value in QUICK.items() if key != "progress"}
    monitor = td.Monitor(
        list(batches()), layers=["act"], pooling="tokens", shuffled_draws=1, path=tmp_path / "rows.csv",
        log=lambda epoch, numbers: logged.append(numbers), **settings,
    )  # fmt: skip
    monitor(Bag(positions=True), 0)
    assert monitor.table["shuffled_value"].notna().all()
    assert "shuffled_value" in (tmp_path / "rows.csv").read_text().splitlines()[0]
    assert logged[0]["act/lifespan_sum_H0/mean/shuffled"] > 0


def test_layers_with_other_places_are_left_out_and_refused_by_name(measured):
    class Halved(Bag):
        def __init__(self):
            super().__init__()
            self.halve = nn.MaxPool1d(2)

        def forward(self, input_ids, attention_mask):
            made = self.act(self.embed(input_ids))
            return self.head(self.halve(made.transpose(1, 2)).mean(2))

    file = measured(Halved(), batches(), pooling="tokens")
    assert [layer.token for layer in file.layers] == ["act"]
    for name in ("halve", "head"):
        with pytest.raises(td.InputError, match=f"layer '{name}' expected to return points of the items"):
            measured(Halved(), batches(), pooling="tokens", layers=[name])


def test_points_that_are_no_tokens_are_not_shuffled(measured):
    class Prefixed(Bag):
        def forward(self, input_ids):
            made = self.act(self.embed(nn.functional.pad(input_ids, (1, 0))))
            return self.head(made.mean(1))

    ids = np.random.default_rng(0).integers(0, WORDS, (6, 5))
    with pytest.raises(td.InputError, match=r"expected a point of each of 30 tokens.*Received: 36 points"):
        measured(Prefixed(), ids, pooling="tokens", layers=["act"], shuffled_draws=1)
    with pytest.raises(td.InputError, match=r"tokens to shuffle: expected whole numbers \(items, places\)"):
        measured(nn.Sequential(nn.Linear(4, 3)), np.ones((6, 4), "f4"), shuffled_draws=1)
