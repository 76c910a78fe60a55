"""The examples of docs/plugins.md do what they say."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from topodepth import architectures, datasets, plugins, similarity
from topodepth.attacks import attacks
from topodepth.attacks.keras_victim import KerasVictim, scores_tap
from topodepth.datasets import Normaliser
from topodepth.errors import InputError
from topodepth.plan import configuration
from topodepth.topology import descriptors, dimension

pytestmark = pytest.mark.usefixtures("plugins_forgotten")
ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/plugins.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
REGISTRIES = [module.registry for module in (descriptors, dimension, datasets, architectures, attacks, similarity)]


@pytest.fixture
def brought(tmp_path):
    """Write an example to a file and make it known."""

    def make(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        plugins.use([path])

    return make


def test_the_configuration_of_the_documentation_is_one(tmp_path, monkeypatch):
    given = yaml.safe_load(re.search(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)[1])
    (tmp_path / "my_descriptors.py").write_text(EXAMPLES[0])
    monkeypatch.chdir(tmp_path)
    config = configuration.laid_over(ROOT, {"experiments": {}, **given})
    complete = configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml")
    assert complete["topology"]["descriptors"] == ["lifespan_sum", "median_bar"]


def test_there_is_an_example_of_each_kind(brought):
    for number, example in enumerate(EXAMPLES):
        brought(example, f"example{number}.py")
    users = [[name for name in registry.names() if registry.users([name])] for registry in REGISTRIES]
    assert [len(names) for names in users] == [1] * 6


def test_the_descriptor_of_the_documentation_is_the_median_of_long_bars(brought):
    brought(EXAMPLES[0])
    median, diagram = descriptors.registry.get("median_bar"), np.array([[0.0, 1.0], [0.0, 3.0], [0.0, np.inf]])
    assert median(diagram) == 2.0
    assert median(diagram, least=1.0) == 3.0
    assert median(np.empty((0, 2))) == 0.0


def test_the_estimator_of_the_documentation_finds_a_plane(brought):
    brought(EXAMPLES[1])
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 6))
    estimate = dimension.registry.get("pca_dimension")
    assert estimate(plane, share=1.0).value == 2.0
    assert estimate(np.concatenate([plane, plane])).n_points == 60


def test_the_loader_of_the_documentation_makes_a_data_set(brought, tmp_path):
    brought(EXAMPLES[2])
    settings = {"size": None, "validation": 0.2, "test": 0.2, "seed": 3}
    assert datasets.form("stripes", None, settings) == ("images", (16, 16, 1))
    splits, names = datasets.load("stripes", None, settings | {"images": 50})
    datasets.write_dataset(tmp_path / "d.h5", splits, names)
    assert {split: len(labels) for split, (_, labels) in splits.items()} == {"train": 30, "validation": 10, "test": 10}
    with pytest.raises(InputError, match=r"unknown option of loader stripes 'image'. Did you mean 'images'\?"):
        datasets.load("stripes", None, settings | {"image": 50})


def test_the_architecture_of_the_documentation_is_named_and_seeded(brought):
    brought(EXAMPLES[3])
    built = [architectures.build("two_layers", input_shape=(8, 8, 1), classes=3, width=4, seed=s) for s in (1, 1, 2)]
    first, same, other = ([weights.copy() for weights in model.get_weights()] for model in built)
    assert all(map(np.array_equal, first, same))
    assert not np.array_equal(first[0], other[0])
    assert set(architectures.layers("two_layers")) <= {layer.name for layer in built[0].layers}


def test_the_attack_of_the_documentation_moves_each_pixel_by_its_strength(brought):
    brought(EXAMPLES[4])
    model = architectures.build("vgg", input_shape=(8, 8, 1), classes=2, width=2)
    normalise = Normaliser(np.float32(0), np.float32(255))
    images = np.full((4, 8, 8, 1), 128, np.uint8)
    for norm in ("linf", "l2"):
        settings = attacks.AttackSettings(epsilons=[0.1], attack="sign_noise", norm=norm)
        victim = KerasVictim(model, scores_tap(model, "logits"), normalise, settings)
        start = victim.start(images)
        if norm == "linf":
            moved = victim.attack(start, None, None, 0.1)
            np.testing.assert_allclose(np.abs(moved - start.numpy()), 0.1, atol=1e-6)
            assert moved.dtype == np.float32
        else:
            with pytest.raises(
                InputError, match=r"attack 'sign_noise' of plugin .*: norm: expected linf. Received: l2"
            ):
                victim.attack(start, None, None, 0.1)


def test_the_measure_of_the_documentation_is_the_rank_correlation_of_distances(brought):
    brought(EXAMPLES[5])
    measure, points = similarity.registry.get("rank_agreement"), np.random.default_rng(0).normal(size=(12, 3))
    one, other = similarity.Side(points), similarity.Side(np.random.default_rng(1).normal(size=(12, 3)))
    assert measure(one, similarity.Side(2 * points + 1)) == pytest.approx(1.0)
    assert abs(measure(one, other)) < 0.6
    assert similarity.registry.arguments("rank_agreement") == ("every",)
    assert not similarity.registry.attribute("rank_agreement", "distance")
