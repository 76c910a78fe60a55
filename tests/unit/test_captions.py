"""Captions can be rendered, and name what a reader needs: data set, sample, the level of the intervals."""

import re
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
import yaml
from snakemake.utils import update_config

from topodepth.plan import configuration

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "workflow/report"
OF_DEPTH = ["depth", "depth_models", "dimension", "dimension_scale", "training", "diagrams"]
OF_ATTACKS = ["adversarial_depth", "adversarial_success", "adversarial_tables", "adversarial_images"]


class Wildcards(SimpleNamespace):
    def __getattr__(self, name):  # a rule without that wildcard
        return ""


def render(name, clouds="class", example="demo", **wildcards):
    """Return a caption as Snakemake renders it, for the configuration of an example."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(config, yaml.safe_load((ROOT / f"examples/{example}.yaml").read_text()))
    config["samples"]["default"] = config["samples"].get("default", {}) | {"clouds": clouds}
    config = configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml")
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    snakemake = SimpleNamespace(config=config, wildcards=Wildcards(**wildcards))
    return environment.from_string((REPORT / f"{name}.rst").read_text()).render(snakemake=snakemake)


@pytest.mark.parametrize("clouds", ["class", "all", "both"])
@pytest.mark.parametrize("name", OF_DEPTH)
def test_captions_of_a_comparison_name_data_set_split_and_intervals(name, clouds):
    text = " ".join(render(name, clouds, comparison="architectures", model="vgg").split())
    assert "{" not in text
    if name not in ("dimension", "dimension_scale"):
        assert re.search(r"Data set: digits\.", text)
    if name != "training":
        assert "at most 1000 images of the train split" in text
    assert "95 % interval" in text or name in ("training", "diagrams")
    if name in ("depth", "depth_models"):
        assert ("Student's t over classes" in text) == (clouds != "all")
        assert ("delete-a-group jackknife" in text) == (clouds == "all")


@pytest.mark.parametrize("model", ["", "vgg"])
def test_the_caption_of_bars_says_what_indices_are_and_of_which_images(model):
    text = " ".join(render("bars", comparison="architectures", model=model).split())
    assert "{" not in text
    assert "rows of the train split" in text
    assert "at most 100 points a cloud" in text
    assert ("The figure shows" in text) == bool(model)


def test_the_caption_of_dynamics_names_data_set_sample_and_intervals():
    text = " ".join(render("dynamics", dynamics="vgg").split())
    for words in ("95 % intervals", "null model", "Data set: digits.", "at most 1000 images of the train split"):
        assert words in text


@pytest.mark.parametrize("name", OF_ATTACKS)
def test_captions_of_an_attack_name_images_and_units(name):
    text = " ".join(render(name, attack="fgsm", model="mobilenet_v2").split())
    if name != "adversarial_images":
        assert "at most 200 of the test split" in text
        assert "ε in units of pixel values, norm linf" in text


@pytest.mark.parametrize("name", ["spoofing_growth", "spoofing_layers"])
def test_captions_of_spoofs_name_their_data_set(name):
    text = render(name, spoofing="digits")
    assert "Data set: spoofed." in text
    assert "same number of images" in " ".join(text.split())


@pytest.mark.parametrize("experiment", ["networks", "training"])
@pytest.mark.parametrize("name", ["similarity_layers", "similarity_networks", "similarity_labels"])
def test_captions_of_similarity_name_images_and_what_light_and_crosses_mean(name, experiment):
    text = " ".join(render(name, example="similarity", similarity=experiment).split())
    assert "of the test split, at most 200" in text
    assert "{" not in text
    if name == "similarity_labels":
        assert "30 nearest neighbours" in text
    else:
        assert "Light is alike" in text
        assert "p > 0.05 of 19 orders" in text
        assert ("snapshots of trainings" in text) == (experiment == "training")


def test_the_null_model_has_one_name():
    """A reader who meets "same width" here and "same marginals" there looks for two null models."""
    texts = [path.read_text() for folder in ("src/topodepth/figures", "workflow/report", "docs")
             for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".rst", ".md")]  # fmt: skip
    for text in [*texts, (ROOT / "README.md").read_text()]:
        assert not re.search(r"null\s+model,?\s+(of\s+the\s+|with\s+the\s+)?same\s+(width|marginals)", text)
