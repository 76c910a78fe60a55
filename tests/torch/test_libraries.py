"""Networks of timm and transformers, without special code for them, with random weights."""

import copy
import os

import numpy as np
import pytest
import torch

from tests.torch.nets import state
from topodepth.errors import InputError
from topodepth.networks.torch_network import open_torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing here is fetched
timm = pytest.importorskip("timm")
transformers = pytest.importorskip("transformers")

# of ten families: what makes it take small images, a block, and the axes of its places
FIXED = {"img_size": 64}
FAMILIES = {
    "resnet10t": ({}, "layer2.0", (2, 3)),
    "convnext_atto": ({}, "stages.2.blocks.1", (2, 3)),
    "vit_tiny_patch16_224": (FIXED, "blocks.5", (1,)),
    "swin_tiny_patch4_window7_224": (FIXED, "layers.1.blocks.0", (1, 2)),
    "mixer_s32_224": (FIXED, "blocks.3", (1,)),
    "efficientnet_b0": ({}, "blocks.3.1", (2, 3)),
    "regnetx_002": ({}, "s4.b3", (2, 3)),
    "densenet121": ({}, "features.denseblock2", (2, 3)),
    "xcit_nano_12_p16_224": (FIXED, "blocks.4", (1,)),
    "mobilevit_xxs": ({}, "stages.3.1", (2, 3)),
}


def values(model, inputs, layers="auto", **settings):
    network = open_torch(model, inputs, layers, **settings)
    return dict(zip([tap.token for tap in network.taps], network.run(inputs).values, strict=True))


def kept(model, inputs, name):
    """Return what a module returns in a plain pass."""
    model, found = copy.deepcopy(model).eval(), []
    model.get_submodule(name).register_forward_hook(lambda module, args, output: found.append(output))
    with torch.no_grad():
        output = model(**inputs) if isinstance(inputs, dict) else model(inputs)
    return found[0][0] if isinstance(found[0], tuple) else found[0], output


@pytest.mark.parametrize("name", FAMILIES)
def test_families_of_timm(name):
    settings, block, axes = FAMILIES[name]
    model = timm.create_model(name, num_classes=7, **settings).train()
    x = torch.randn(3, 3, 64, 64)
    before = state(model)
    network = open_torch(model, x)
    assert state(model) == before
    tokens = [tap.token for tap in network.taps]
    assert 5 <= len(tokens) <= 12
    assert tokens[-1] == "logits"
    depths = [tap.relative_depth for tap in network.taps]
    assert depths == sorted(depths)
    made, output = kept(model, x, block)
    found = values(model, x, [block, "logits"])
    assert np.allclose(found[block], made.mean(axes), atol=1e-5)
    assert np.allclose(found["logits"], output, atol=1e-5)
    assert network.taps[-1].tensor.shape == (None, 7)


def test_dropout_inside_fused_attention_is_never_called():
    model = timm.create_model("vit_tiny_patch16_224", depth=1, img_size=32)
    with pytest.raises(InputError, match=r"'blocks.0.attn.attn_drop' expected to be called"):
        open_torch(model, torch.randn(3, 3, 32, 32), "blocks.0.attn.attn_drop")


SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 100,
}


def decoder():
    return transformers.GPT2Model(
        transformers.GPT2Config(n_embd=32, n_layer=3, n_head=4, vocab_size=100, bos_token_id=1, eos_token_id=2)
    )


def encoder():
    return transformers.BertModel(transformers.BertConfig(**SMALL))


def tokens(pad):
    """Five texts of up to ten tokens, and so many pads on the right."""
    lengths = torch.tensor([10, 7, 4, 10, 1])
    ids = torch.randint(3, 100, (5, 10), generator=torch.Generator().manual_seed(1))
    mask = torch.arange(10)[None] < lengths[:, None]
    ids, mask = (torch.nn.functional.pad(values, (0, pad)) for values in (ids * mask, mask))
    return {"input_ids": ids, "attention_mask": mask.long()}


@pytest.mark.parametrize("pooling", ["mean", "first", "last", "tokens"])
@pytest.mark.parametrize("build", [encoder, decoder])
def test_padding_changes_nothing(build, pooling):
    model = build()
    found = [values(model, tokens(pad), pooling=pooling) for pad in (1, 40)]
    assert len(found[0]) == 7
    assert list(found[0]) == list(found[1])
    for name, points in found[0].items():
        assert len(points) == (32 if pooling == "tokens" else 5)
        assert np.allclose(points, found[1][name], atol=1e-5), name


def test_a_block_and_the_norm_behind_the_last_are_two_taps():
    model, inputs = decoder(), tokens(0)
    found = values(model, inputs, ["h.2", "ln_f"], pooling="tokens")
    last = kept(model, inputs, "ln_f")[1].last_hidden_state[inputs["attention_mask"].bool()]
    assert np.allclose(found["ln_f"], last, atol=1e-5)
    assert not np.allclose(found["h.2"], last, atol=1e-2)
    assert [*values(model, inputs)][-2:] == ["h.2", "ln_f"]
    vit = timm.create_model("vit_tiny_patch16_224", num_classes=0, depth=2, img_size=32)
    x = torch.randn(4, 3, 32, 32)
    found = values(vit, x, ["blocks.1", "norm"], pooling="first")
    assert np.allclose(found["norm"], vit.eval()(x).detach(), atol=1e-5)  # its own pooling is the class token
    assert not np.allclose(found["blocks.1"], found["norm"], atol=1e-2)


def test_hidden_states_work_as_before_and_leave_nothing_of_ours(tmp_path):
    model, inputs = encoder().eval(), tokens(2)
    before = state(model)
    values(model, inputs)
    assert state(model) == before
    torch.save(model, tmp_path / "model.pt")
    with torch.no_grad():
        hidden = model(**inputs, output_hidden_states=True).hidden_states
    asked = state(model)["hooks"]  # of transformers' own
    values(model, inputs)
    assert state(model)["hooks"] == asked
    with torch.no_grad():
        again = model(**inputs, output_hidden_states=True).hidden_states
    assert len(hidden) == len(again) == 4
    assert all(torch.equal(one, other) for one, other in zip(hidden, again, strict=True))


def test_hooks_that_a_model_leaves_in_a_pass_of_ours_go_with_it():
    """With ``output_hidden_states`` configured, transformers 5.24 installs hooks in the first pass, for good."""
    model, inputs = encoder(), tokens(2)
    model.config.output_hidden_states = True
    before = state(model)
    values(model, inputs)
    assert state(model) == before
    assert len(model.eval()(**inputs).hidden_states) == 4


def test_an_encoder_with_a_decoder_has_a_mask_for_each():
    settings = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "vocab_size": 100}
    model, inputs = transformers.T5Model(transformers.T5Config(**settings)), tokens(3)
    inputs |= {f"decoder_{key}": value[:, :6] for key, value in tokens(0).items()}
    found = values(model, inputs, ["encoder.block.1", "decoder.block.1"])
    for name, key in (("encoder.block.1", "attention_mask"), ("decoder.block.1", "decoder_attention_mask")):
        made, _ = kept(model, inputs, name)
        expected = [item[keep].mean(0).numpy() for item, keep in zip(made, inputs[key].bool(), strict=True)]
        assert np.allclose(found[name], expected, atol=1e-5), name


def test_a_model_in_bfloat16_is_measured_in_it():
    model, inputs = encoder().bfloat16(), tokens(2)
    network = open_torch(model, inputs)
    assert network.runtime.endswith(", bfloat16")
    assert all(points.dtype == np.float32 and np.isfinite(points).all() for points in network.run(inputs).values)
