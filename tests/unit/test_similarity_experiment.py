"""The similarity experiment: rows of two networks, their intervals and null values, and what the page says of them."""

import h5py
import numpy as np
import pandas
import pytest

from topodepth.activations.file import read_activations
from topodepth.errors import InputError
from topodepth.experiments import similarity
from topodepth.experiments.similarity import LABELS, MATCHED, Network, SimilaritySettings, comparison, loading
from topodepth.similarity import Side, registry
from topodepth.similarity.neighbours import label_overlap

N, CLASSES = 60, 3
ABOUT = {"run": "r", "dataset": "d"}
FEW = SimilaritySettings(
    measures=["linear_cka_unbiased", "neighbour_overlap", "procrustes", "bottleneck_h0"],
    parameters={"neighbour_overlap": {"neighbours": 5}}, jackknife_groups=4, permutations=9,
)  # fmt: skip
LABELLED = np.arange(N) % CLASSES


def network(name, seed, layers=("conv", "fc"), depths=(0.5, 1.0), images=None):
    """A network of random layers on common images."""
    rng = np.random.default_rng(seed)
    points = np.random.default_rng(0).normal(size=(N, 6)) if images is None else images
    clouds = []
    for _ in layers:
        points = np.maximum(points @ rng.normal(size=(points.shape[1], 8)), 0)
        clouds.append(points)
    return Network(name, list(layers), list(depths), [Side(cloud) for cloud in clouds])


def table_of(rows):
    return pandas.DataFrame(rows, columns=list(similarity.COLUMNS))


@pytest.fixture(scope="module")
def networks():
    return network("vgg", 1), network("resnet", 2, ("a", "b", "c"), (0.3, 0.6, 1.0))


@pytest.fixture(scope="module")
def table(networks):
    one, other = networks
    pairs = ((one, one), (one, other), (other, other))
    return table_of([row for pair in pairs for row in similarity.compare(*pair, LABELLED, FEW, ABOUT)])


def test_each_pair_of_layers_has_one_row_a_measure(table):
    assert not table.duplicated(["model_a", "layer_a", "model_b", "layer_b", "measure"]).any()
    layers = table[(table["layer_a"] != MATCHED) & (table["layer_b"] != LABELS)]
    assert set(layers.groupby("measure").size()) == {3 + 2 * 3 + 6}
    assert len(table[table["layer_a"] == MATCHED]) == 3 * 4
    assert len(table[table["layer_b"] == LABELS]) == 2 + 3
    assert set(table["n_points"]) == {N}


def test_values_are_those_of_the_measures(table, networks):
    one, other = networks
    for row in table[(table["model_a"] == "vgg") & (table["model_b"] == "resnet")].to_dict("records"):
        if row["layer_a"] != MATCHED:
            ends = [net.sides[net.layers.index(row[f"layer_{end}"])] for end, net in (("a", one), ("b", other))]
            options = {"neighbours": 5} if row["measure"] == "neighbour_overlap" else {}
            assert row["value"] == registry.get(row["measure"])(*ends, **options)
    for row in table[table["layer_b"] == LABELS].to_dict("records"):
        net = one if row["model_a"] == "vgg" else other
        side = net.sides[net.layers.index(row["layer_a"])]
        assert row["value"] == label_overlap(side, LABELLED, neighbours=5)


def test_networks_are_matched_by_relative_depth(table):
    """conv at 0.5 is nearest to b at 0.6, fc to c; of the other, a and b are nearest to conv, c to fc."""
    own = table[(table["model_a"] == "vgg") & (table["model_b"] == "resnet")]
    for _, rows in own.groupby("measure"):
        value = rows.set_index(["layer_a", "layer_b"])["value"]
        of_one = (value["conv", "b"] + value["fc", "c"]) / 2
        of_other = (value["conv", "a"] + value["conv", "b"] + value["fc", "c"]) / 3
        assert value[MATCHED, MATCHED] == pytest.approx((of_one + of_other) / 2)


def test_intervals_hold_the_value_and_a_layer_with_itself_has_none(table):
    itself = (table["model_a"] == table["model_b"]) & (table["layer_a"] == table["layer_b"])
    assert table.loc[itself, ["ci_low", "ci_high"]].isna().all(axis=None)
    others = table[~itself]
    assert ((others["ci_low"] < others["value"]) & (others["value"] < others["ci_high"])).all()


def test_null_values_are_there_for_what_knows_the_images(table):
    paired = table["measure"] != "bottleneck_h0"
    assert table.loc[~paired, ["null_value", "p_value", "beyond_null", "class_null_value"]].isna().all(axis=None)
    assert table.loc[~paired, "note"].str.contains("which image is which").all()
    assert table.loc[paired, ["null_value", "p_value", "beyond_null"]].notna().all(axis=None)
    assert (table.loc[paired & (table["layer_b"] != LABELS), "class_p_value"] >= 0.1).all()  # 1 / (1 + 9)
    best = np.where(table["kind"] == "distance", 0.0, 1.0)
    beyond = (table["value"] - table["null_value"]) / (best - table["null_value"])
    assert np.allclose(beyond[paired], table.loc[paired, "beyond_null"])


def test_networks_on_the_same_images_are_beyond_chance_and_others_are_not():
    alike = table_of(similarity.compare(network("a", 1), network("b", 2), None, FEW, ABOUT))
    paired = alike["measure"] != "bottleneck_h0"
    assert (alike.loc[paired, "p_value"] == 0.1).all()
    assert alike["class_p_value"].isna().all()  # no labels
    p_values = []
    for seed in range(12):
        images = np.random.default_rng(seed + 100).normal(size=(N, 6))
        strange = similarity.compare(network("a", 1), network("b", 2, images=images), None, FEW, ABOUT)
        p_values += [row["p_value"] for row in strange if row["measure"] == "linear_cka_unbiased"][:1]
    assert np.mean(p_values) > 0.25  # of 12 that are uniform: 0.55 on average, 0.09 the standard deviation


def test_classes_alone_are_told_from_more_than_classes():
    """Both networks know the class and nothing else in common: beyond chance, not beyond the classes."""
    rng = np.random.default_rng(3)
    centres = 4 * rng.normal(size=(CLASSES, 5))
    clouds = [centres[LABELLED] + rng.normal(size=(N, 5)) for _ in range(2)]
    one, other = (Network(name, ["fc"], [1.0], [Side(cloud)]) for name, cloud in zip("ab", clouds, strict=True))
    settings = SimilaritySettings(measures=["linear_cka_unbiased", "mutual_knn"], permutations=99, jackknife_groups=0)
    for row in similarity.compare(one, other, LABELLED, settings, ABOUT):
        assert row["p_value"] == 0.01
        assert row["class_p_value"] > 0.05
        assert abs(row["beyond_class_null"]) < 0.2 < row["beyond_null"]


def test_the_same_settings_give_the_same_rows(networks):
    rows = [similarity.compare(*networks, LABELLED, FEW, ABOUT) for _ in range(2)]
    pandas.testing.assert_frame_equal(table_of(rows[0]), table_of(rows[1]))


def test_an_interval_covers_what_other_images_give():
    """Of 40 samples of 100 images, the interval of unbiased CKA holds the value of very many in about 95 %."""
    turn = np.random.default_rng(5).normal(size=(4, 6))

    def pair(n, seed):
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(n, 4))
        return Network("a", ["x"], [1.0], [Side(points)]), Network(
            "b", ["y"], [1.0], [Side(points @ turn + 3 * rng.normal(size=(n, 6)))]
        )

    measure = registry.get("linear_cka_unbiased")
    truth = np.mean([measure(*(net.sides[0] for net in pair(1500, seed))) for seed in range(5)])
    settings = SimilaritySettings(measures=["linear_cka_unbiased"], permutations=0)
    rows = [similarity.compare(*pair(100, 10 + seed), None, settings, ABOUT)[0] for seed in range(40)]
    held = [row["ci_low"] <= truth <= row["ci_high"] for row in rows]
    assert np.mean(held) >= 0.85
    assert np.mean([row["ci_high"] - row["ci_low"] for row in rows]) < 6 * np.std([row["value"] for row in rows])


def test_a_constant_layer_is_undefined_and_says_nothing():
    dead = Network("dead", ["conv", "fc"], [0.5, 1.0], [network("a", 1).sides[0], Side(np.ones((N, 3)))])
    rows = similarity.compare(dead, network("b", 2), LABELLED, FEW, ABOUT)
    table = table_of([*rows, *similarity.compare(dead, dead, LABELLED, FEW, ABOUT)])
    touched = (table["layer_a"].isin(["fc", MATCHED]) & (table["model_a"] == "dead")) | (
        (table["layer_b"] == "fc") & (table["model_b"] == "dead")
    )
    assert table.loc[touched, ["value", "ci_low", "p_value", "beyond_null", "class_p_value"]].isna().all(axis=None)
    assert table.loc[touched, "note"].str.startswith("undefined").all()
    assert table.loc[~touched, "value"].notna().all()
    assert "nan" not in similarity.page(table, {}, "A dead layer").lower()


def test_a_measure_of_a_users_is_measured_and_guarded(tmp_path, plugins_forgotten):
    from topodepth import plugins

    path = tmp_path / "mine.py"
    path.write_text(
        "from topodepth.similarity import register\n@register('mine', distance=True)\n"
        "def mine(a, b, *, times=1):\n    return times * abs(a.points.mean() - b.points.mean())\n"
        "@register('bad', distance=False)\ndef bad(a, b):\n    return 'much'\n"
    )
    plugins.use([path])
    settings = SimilaritySettings(measures=["mine"], parameters={"mine": {"times": 3}}, permutations=1)
    one, other = network("a", 1), network("b", 2)
    row = similarity.compare(one, other, None, settings, ABOUT)[0]
    assert row["kind"] == "distance"
    assert row["value"] == pytest.approx(3 * abs(one.sides[0].points.mean() - other.sides[0].points.mean()))
    with pytest.raises(InputError, match=r"model a, layer conv, and model b, layer conv: bad: .* Received: 'much'"):
        similarity.compare(one, other, None, SimilaritySettings(measures=["bad"]), ABOUT)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": 0}, "layers: expected a whole number from 1"),
        ({"points": 9}, "points: expected a whole number from 10"),
        ({"permutations": -1}, "permutations: expected a whole number from 0"),
        ({"jackknife_groups": 1}, "jackknife_groups: expected 0, or 2 groups and more"),
    ],
)
def test_settings_have_ranges(settings, message):
    with pytest.raises(InputError, match=message):
        SimilaritySettings(**settings)


def write(path, layers=4, n=N, **columns):
    with h5py.File(path, "w") as file:
        for k in range(layers):
            file[f"layers/{k:03d}_l{k}"] = np.random.default_rng(k).normal(size=(n, 3)).astype("float32")
        for name, values in columns.items():
            file[name] = values
    return read_activations(path)


def test_networks_are_read_at_some_layers_and_images(tmp_path):
    file = write(tmp_path / "a.h5", 9)
    rows = loading.drawn(file.n, SimilaritySettings(points=20))
    assert len(set(rows)) == 20
    assert list(rows) == sorted(rows)
    assert list(rows) == list(loading.drawn(file.n, SimilaritySettings(points=20)))
    net = loading.network(file, "mine", None, rows, SimilaritySettings(layers=3))
    assert (net.model, net.layers) == ("mine", ["l0", "l4", "l8"])
    np.testing.assert_array_equal(net.sides[1].points, file.points("l4")[rows])
    assert loading.network(file, "mine", ["l2"], rows, SimilaritySettings()).layers == ["l2"]
    assert len(loading.network(file, "mine", None, rows, SimilaritySettings(layers=None)).layers) == 9
    assert loading.network(file, "mine", None, rows, SimilaritySettings(layers=1)).layers == ["l8"]


def test_files_of_other_images_are_refused(tmp_path):
    one = write(tmp_path / "one.h5", indices=np.arange(N), labels=LABELLED)
    np.testing.assert_array_equal(loading.same_images(one, write(tmp_path / "bare.h5")), LABELLED)
    assert loading.same_images(*[write(tmp_path / "bare.h5")] * 2) is None
    for name, columns in {
        "indices": {"indices": np.arange(N)[::-1]},
        "labels": {"labels": (LABELLED + 1) % CLASSES},
        "places": {"indices": np.arange(N), "places": np.zeros(N, int)},
    }.items():
        with pytest.raises(InputError, match=rf"expected the images of .*one\.h5.* Received: other {name}"):
            loading.same_images(one, write(tmp_path / "other.h5", **columns))
    with pytest.raises(InputError, match="Received: other indices"):
        loading.same_images(one, write(tmp_path / "fewer.h5", n=30))


def test_the_page_says_what_is_in_the_table(table):
    page = similarity.page(table, {"vgg": "VGG"}, "How alike?")
    whole = table[(table["layer_a"] == MATCHED) & (table["measure"] == "linear_cka_unbiased")]
    row = whole[whole["model_a"] != whole["model_b"]].iloc[0]
    assert f"VGG and resnet with {row['value']:.2f} [{row['ci_low']:.2f}, {row['ci_high']:.2f}]" in page
    assert f"by chance {row['null_value']:z.2f}".replace("-", "−") in page
    own = table[(table["measure"] == "linear_cka_unbiased") & (table["layer_a"] != MATCHED)]
    own = own[(own["model_a"] != own["model_b"]) | (own["layer_a"] != own["layer_b"])]
    beyond = (own["p_value"] <= 0.05).sum()
    assert f"of {len(own)} pairs of layers {beyond} are more alike than images in another order" in page
    for words in ("linear CKA, unbiased", "bottleneck distance, H_0", "Networks at the same depth", "own label"):
        assert words in page


def test_one_network_without_labels_has_a_page():
    net = network("alone", 1)
    settings = SimilaritySettings(measures=["rtd_lite"], permutations=0, jackknife_groups=0)
    page = similarity.page(table_of(similarity.compare(net, net, None, settings, ABOUT)), {}, "Alone")
    assert "Nothing can be said" in page


def test_orders_within_classes_leave_each_image_in_its_class():
    settings = SimilaritySettings(permutations=5)
    for order in comparison._orders(LABELLED, settings, 6):
        np.testing.assert_array_equal(LABELLED[order], LABELLED)
        assert sorted(order) == list(range(N))
        assert (order != np.arange(N)).any()
