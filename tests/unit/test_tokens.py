"""A sample of tokens, and tokens in another order."""

import numpy as np
import pytest

from topodepth.activations.tokens import PointSample, shuffled
from topodepth.errors import InputError


def sampled(stream, sizes, most, seed=0):
    """Pass a stream in batches of these sizes through a sample, and return what is kept."""
    sample, kept, start = PointSample(most, seed), {}, 0
    for size in sizes:
        chosen, rows = sample.take(stream[start : start + size])
        assert (np.diff(rows) > 0).all()
        kept |= dict(zip(rows.tolist(), stream[start + chosen].tolist(), strict=True))
        start += size
    assert sorted(kept) == list(range(sample.size))
    assert sample.items.tolist() == [kept[row] for row in sorted(kept)]
    return sample.items.tolist()


def test_a_sample_does_not_depend_on_the_batches():
    stream = np.arange(1000)
    whole = sampled(stream, [1000], 40)
    assert len(set(whole)) == 40
    assert sampled(stream, [1, 2, 497, 500], 40) == whole
    assert sampled(stream, [10] * 100, 40) == whole
    assert sampled(stream, [1000], 40, seed=1) != whole


def test_all_are_kept_where_they_fit():
    assert sampled(np.arange(30), [7, 23], None) == list(range(30))
    assert sampled(np.arange(30), [7, 23], 30) == list(range(30))


def test_each_token_is_as_likely_as_any_other():
    counts = np.bincount(
        np.concatenate([sampled(np.arange(20), [9, 11], 5, seed) for seed in range(2000)]), minlength=20
    )
    # 2000 draws with probability 1/4: five standard deviations are 97
    assert np.abs(counts - 500).max() < 97


def test_it_is_kept_which_point_of_which_item_each_one_is():
    items = np.repeat([0, 1, 4, 5], [3, 1, 5, 2])
    for parts in ([items], [items[:3], items[3:9], items[9:]]):
        sample = PointSample(None)
        for part in parts:
            sample.take(part)
        assert sample.items.tolist() == items.tolist()
        assert sample.places.tolist() == [0, 1, 2, 0, 0, 1, 2, 3, 4, 0, 1]


def test_nothing_to_keep_is_refused():
    with pytest.raises(InputError, match="at least 1 to keep"):
        PointSample(0)


@pytest.mark.parametrize("key", ["attention_mask", "src_key_padding_mask"])
def test_only_real_tokens_are_shuffled_and_each_item_in_its_own_way(key):
    ids = np.tile(np.arange(1, 31), (6, 1))
    real = np.arange(30) < np.array([30, 25, 20, 30, 2, 1])[:, None]
    inputs, rows = shuffled({"input_ids": ids, key: real == (key == "attention_mask")}, seed=0)
    mixed = inputs["input_ids"]
    assert np.array_equal(mixed[~real], ids[~real])
    assert all(sorted(one[keep]) == sorted(other[keep]) for one, other, keep in zip(mixed, ids, real, strict=True))
    assert (mixed[0] != ids[0]).sum() > 20
    assert not np.array_equal(mixed[0], mixed[3])
    assert np.array_equal(mixed[real][rows], ids[real])  # each token is found again
    later = {"input_ids": ids[3:], key: real[3:] == (key == "attention_mask")}
    assert np.array_equal(shuffled(later, seed=0, start=3)[0]["input_ids"], mixed[3:])
    for other in ({"seed": 1}, {"seed": 0, "draw": 1}):
        assert not np.array_equal(shuffled(later, start=3, **other)[0]["input_ids"], mixed[3:])


def test_an_order_does_not_depend_on_padding():
    ids = np.arange(1, 13).reshape(2, 6)
    plain, _ = shuffled(ids, seed=3)
    for before, after in ((0, 4), (3, 0)):
        padded, mask = (np.pad(values, ((0, 0), (before, after))) for values in (ids, np.ones_like(ids)))
        mixed, rows = shuffled({"input_ids": padded, "attention_mask": mask}, seed=3)
        assert np.array_equal(mixed["input_ids"][:, before : before + 6], plain)
        assert np.array_equal(plain.ravel()[rows], ids.ravel())


@pytest.mark.parametrize(("pooling", "place"), [("first", 0), ("last", -1)])
def test_the_token_that_is_the_point_stays_where_it_is(pooling, place):
    ids, lengths = np.arange(60).reshape(3, 20), (20, 7, 2)
    mask = np.arange(20) < np.array(lengths)[:, None]
    mixed, _ = shuffled({"input_ids": ids, "attention_mask": mask}, seed=0, pooling=pooling)
    for one, other, length in zip(mixed["input_ids"], ids, lengths, strict=True):
        assert one[:length][place] == other[:length][place]
        assert sorted(one[:length]) == sorted(other[:length])
    assert (mixed["input_ids"] != ids).any()


def test_special_tokens_stay_where_they_are():
    ids = np.tile(np.arange(10), (4, 1))
    mixed, rows = shuffled(ids, seed=0, special=[0, 5, 9])
    assert np.array_equal(mixed[:, [0, 5, 9]], ids[:, [0, 5, 9]])
    assert not np.array_equal(mixed, ids)
    assert np.array_equal(mixed.ravel()[rows], ids.ravel())


def test_what_has_no_tokens_is_refused():
    assert shuffled(np.arange(6).reshape(2, 3), 0)[0].shape == (2, 3)
    for inputs in (np.ones((2, 3)), np.arange(3), {"pixel_values": np.ones((2, 3))}, "text"):
        with pytest.raises(InputError, match=r"expected whole numbers \(items, places\)"):
            shuffled(inputs, 0)
    with pytest.raises(InputError, match=r"expected one sequence an item.*Received: 'decoder_input_ids'"):
        shuffled({"input_ids": np.ones((2, 3), int), "decoder_input_ids": np.ones((2, 3), int)}, 0)
