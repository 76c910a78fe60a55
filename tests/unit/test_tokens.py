"""A sample of tokens, and tokens in another order."""

import numpy as np
import pytest

from topodepth.activations.tokens import TokenSample, shuffled
from topodepth.errors import InputError


def sampled(stream, sizes, most, seed=0):
    """Pass a stream in batches of these sizes through a sample, and return what is kept."""
    sample, kept, start = TokenSample(most, seed), {}, 0
    for size in sizes:
        chosen, rows = sample.take(size)
        assert (np.diff(rows) > 0).all()
        kept |= dict(zip(rows.tolist(), stream[start + chosen].tolist(), strict=True))
        start += size
    assert sorted(kept) == list(range(sample.size))
    return [kept[row] for row in sorted(kept)]


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


def test_nothing_to_keep_is_refused():
    with pytest.raises(InputError, match="at least 1 to keep"):
        TokenSample(0)


@pytest.mark.parametrize("key", ["attention_mask", "src_key_padding_mask"])
def test_only_real_tokens_are_shuffled_and_each_item_in_its_own_way(key):
    ids = np.tile(np.arange(1, 31), (6, 1))
    real = np.arange(30) < np.array([30, 25, 20, 30, 2, 1])[:, None]
    mixed = shuffled({"input_ids": ids, key: real == (key == "attention_mask")}, seed=0)["input_ids"]
    assert np.array_equal(mixed[~real], ids[~real])
    assert all(sorted(one[keep]) == sorted(other[keep]) for one, other, keep in zip(mixed, ids, real, strict=True))
    assert (mixed[0] != ids[0]).sum() > 20
    assert not np.array_equal(mixed[0], mixed[3])
    again = shuffled({"input_ids": ids[3:], key: real[3:] == (key == "attention_mask")}, seed=0, start=3)["input_ids"]
    assert np.array_equal(again, mixed[3:])


def test_what_has_no_tokens_is_refused():
    assert shuffled(np.arange(6).reshape(2, 3), 0).shape == (2, 3)
    for inputs in (np.ones((2, 3)), np.arange(3), {"pixel_values": np.ones((2, 3))}, "text"):
        with pytest.raises(InputError, match=r"expected whole numbers \(items, places\)"):
            shuffled(inputs, 0)
