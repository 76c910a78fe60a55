"""docs/claims.md says of its networks what their tables say, by SciPy and by the experiment."""

from pathlib import Path

import numpy as np
import pandas
import pytest
from scipy import stats

from tests import jobs

ROOT = Path(__file__).parents[2]
LOGITS = "lifespan_sum H0, logits"


def with_values(name):
    """Return the models of a zoo with E_0 of their logits."""
    models, measures = (pandas.read_csv(ROOT / "docs" / name / f"{table}.csv") for table in ("models", "measures"))
    values = measures[measures["measure"] == LOGITS].set_index("model")["value"]
    return models.assign(value=models["model"].map(values))


@pytest.fixture(scope="module")
def zoo():
    return with_values("zoo")


@pytest.fixture(scope="module")
def found():
    """Rows of associations of each experiment, with few resamples: coefficients do not depend on them."""
    pairs = jobs.benchmark("zoo_verdicts").verdicts("zoo", resamples=100, permutations=199)
    return {name: rows[rows["measure"] == LOGITS].set_index("scope") for name, rows in pairs}


def tau(models):
    return stats.kendalltau(models["value"], models["test_error"]).statistic


def partial(models, given):
    """Return the partial correlation of normal scores, the covariates being of two values each."""
    columns = np.column_stack([np.ones(len(models)), models[given]])
    x, y = (
        stats.norm.ppf((stats.rankdata(models[name]) - 0.5) / len(models)) for name in ("value", "test_error")
    )  # fmt: skip
    x, y = (scores - columns @ np.linalg.lstsq(columns, scores)[0] for scores in (x, y))
    return stats.pearsonr(x, y).statistic


def test_the_zoo_is_a_complete_grid(zoo):
    axes = ["width", "learning_rate", "batch", "augmentation", "label_noise"]
    assert len(zoo) == len(zoo.drop_duplicates(axes)) == np.prod([zoo[axis].nunique() for axis in axes]) == 32
    assert not zoo["value"].isna().any()


def test_the_experiment_says_what_scipy_says(zoo, found):
    pooled, cells = found["zoo"], zoo.groupby(["width", "augmentation", "label_noise"])
    assert pooled.loc["all", "kendall"] == pytest.approx(tau(zoo))
    assert pooled.loc["all", "partial"] == pytest.approx(
        partial(zoo, ["width", "augmentation", "label_noise"]), abs=0.02
    )
    # of cells of four networks without ties, τ of all pairs within cells is the mean of the cells' τ
    assert pooled.loc["within", "kendall"] == pytest.approx(np.mean([tau(cell) for _, cell in cells]))
    for noise, name in ((0.0, "true_labels"), (0.2, "noisy_labels")):
        own = zoo[zoo["label_noise"] == noise]
        assert found[name].loc["all", "n"] == len(own) == 16
        assert pooled.loc[f"group:{noise}", "kendall"] == found[name].loc["all", "kendall"] == pytest.approx(tau(own))
        assert found[name].loc["within", "partial"] == pytest.approx(partial(own, ["width", "augmentation"]), abs=0.02)


def test_the_page_has_these_numbers(found):
    page = (ROOT / "docs/claims.md").read_text(encoding="utf-8")
    rows = [found["zoo"].loc[scope] for scope in ("all", "group:0.0", "group:0.2")]
    rows += [found[name].loc["within"] for name in ("true_labels", "noisy_labels")]
    told = [line.split("|")[2].split()[0] for line in page.splitlines() if "networks" in line and line.count("|") == 4]
    assert told == [f"{row['kendall']:+.2f}".replace("-", "−") for row in rows]


def test_one_outlying_point_sets_the_threshold_of_the_largest_distance_only():
    script = jobs.benchmark("actopo_claim")
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    one_loop = dict.fromkeys((script.LARGEST, script.MEDIAN, script.RATIO), 1)
    assert script.counts(circle) == script.counts(1000 * circle) == one_loop
    outlying = np.vstack([circle, [[100.0, 0.0]]])
    assert script.counts(outlying) == one_loop | {script.LARGEST: 0}
    np.testing.assert_allclose(script.standardised(5 + outlying).std(axis=0), 1)
    assert script.without_outlying(outlying)[0][script.LARGEST] == 0
    assert script.without_outlying(outlying)[1][script.LARGEST] == 1


def test_the_own_zoo_is_a_complete_grid_and_the_page_has_its_coefficients():
    models = with_values("own_zoo")
    axes = ["architecture", "depth", "width", "learning_rate", "label_noise"]
    assert len(models) == len(models.drop_duplicates(axes)) == 48
    assert set(models["architecture"].value_counts()) == {12}
    assert not models["value"].isna().any()
    rows = dict(jobs.benchmark("zoo_verdicts").verdicts("own_zoo", resamples=100, permutations=99))["zoo"]
    found = rows[rows["measure"] == LOGITS].set_index("scope")["kendall"]
    expected = {"all 48": tau(models)} | {f"12 `{name}`": tau(own) for name, own in models.groupby("architecture")}
    assert found["all"] == pytest.approx(expected["all 48"])
    assert [found[f"group:{name}"] for name, _ in models.groupby("architecture")] == pytest.approx(
        list(expected.values())[1:]
    )
    lines = [line.split("|") for line in (ROOT / "docs/claims.md").read_text(encoding="utf-8").splitlines()]
    told = {line[1].removesuffix(" on digits ").strip(): line[2].split()[0] for line in lines if len(line) == 5}
    for compared, value in (expected | {"within cells,": found["within"]}).items():
        assert told[compared] == f"{value:+.2f}".replace("-", "−")
