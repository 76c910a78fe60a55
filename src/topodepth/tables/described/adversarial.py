"""The tables of the adversarial experiment."""

from collections.abc import Mapping

from topodepth.tables.columns import (
    DEGREE,
    DESCRIPTOR,
    DESCRIPTORS,
    LAYERS,
    MODEL,
    NOTE,
    UNIT,
    VERSION,
    Column,
    Columns,
    bounds,
    count,
    share,
    text,
)
from topodepth.tables.table import Table

STRENGTH: Columns = {
    "epsilon": Column("Strength ε of the attack; 0 are the clean images.", unit="`epsilon_unit`", low=0),
    "epsilon_unit": text(
        "`pixel`: black is 0 and white is 1; `standardised`: the network's input.", "pixel", "standardised"
    ),
    "accuracy": share("Accuracy on the attacked images, against the true labels."),
    "macro_f1": share("F1 score, averaged over the classes that are present."),
    "success_rate": share(
        "Towards a target: share taken for it among images of other classes. Else: share misclassified "
        "among those classified rightly when clean.",
        "where there are no such images",
    ),
}
PERCENT = Column(
    "Change in percent of the clean value.", unit="%", low=-100, empty="where the clean value is 0 or undefined"
)
PLACE: Columns = {**LAYERS, "homology_dimension": DEGREE, "descriptor": DESCRIPTOR, "version": VERSION}


def _rank(against: str, named: str) -> Columns:
    unchanged = "where the value or the attack does not change"
    return {
        f"kendall_{against}": Column(
            f"Kendall's τ-b over the strengths, with {named}.", low=-1, high=1, empty=unchanged
        ),
        f"kendall_{against}_p": share(
            "p-value of it: share of all orders of the strengths with at least this |τ|.", unchanged
        ),
        f"spearman_{against}": Column(
            f"Spearman's ρ over the strengths, with {named}.", low=-1, high=1, empty=unchanged
        ),
    }


TABLES: Mapping[str, Table] = {
    "attacked": Table(
        {"adversarial/*/*/table.csv": "compare_attacks.py"},
        "One row per strength of the attack, layer, class, homology dimension and descriptor.",
        {**DESCRIPTORS, **STRENGTH},
    ),
    "changes": Table(
        {"adversarial/*/*/changes.csv": "compare_attacks.py"},
        "One row per strength, layer, class, homology dimension, descriptor and version: against the clean images.",
        {
            **PLACE,
            "model": MODEL,
            **STRENGTH,
            "clean_value": Column("Value on the clean images.", unit=UNIT, empty="where it is undefined"),
            "value": Column("Value on the attacked images.", unit=UNIT, empty="where it is undefined"),
            "change": Column("`value` − `clean_value`.", unit=UNIT, empty="where either is undefined"),
            **bounds("change", Column("", unit=UNIT), "ci_low", "ci_high", empty="where nothing is tested"),
            "percent": PERCENT,
            **bounds("percent", PERCENT, "percent_ci_low", "percent_ci_high", empty="where nothing is tested"),
        },
    ),
    "trends": Table(
        {"adversarial/*/*/trends.csv": "compare_attacks.py"},
        "One row per layer, class, homology dimension, descriptor and version: does it follow the attack?",
        {
            **PLACE,
            **_rank("success", "the success rate"),
            **_rank("f1", "the macro-F1 score"),
            "epsilon": STRENGTH["epsilon"].but(
                meaning="Strength at which the success is highest.", unit="that of the attack"
            ),
            "success_rate": STRENGTH["success_rate"],
            "macro_f1": STRENGTH["macro_f1"],
            "percent": PERCENT,
            **bounds("percent", PERCENT, "percent_ci_low", "percent_ci_high", empty="where nothing is tested"),
            "verdict": text(
                "What may be said.",
                "more complex",
                "simpler",
                "no single direction",
                "too few strengths",
                "no change shown",
                "not tested",
            ),
            "sentence": text("The same in words, with its numbers."),
        },
        made_of=("changes.csv",),
    ),
    "attack": Table(
        {"attacks/*/*/metrics.csv": "attack_model.py"},
        "One row per strength: what the attack does to the images and to the network.",
        {
            "model": MODEL.but(meaning="Name of the model at this strength."),
            "attack": text("Registered attack."),
            "norm": text("Norm that bounds the perturbation.", "linf", "l2"),
            "target": count("Class that the attack aims at.", "where it drives images away from their own class"),
            "logits": text("What its loss is computed from.", "logits", "softmax"),
            **STRENGTH,
            **{
                f"mean_{norm}_{unit}": Column(
                    f"Mean {named} norm of the perturbation, after clipping.", unit=words, low=0
                )
                for unit, words in (("pixel", "black 0 to white 1"), ("standardised", "that of the network's input"))
                for norm, named in (("linf", "L∞"), ("l2", "L2"))
            },
            "zero_gradient": share("Share of images whose gradient is exactly zero: the attack cannot change them."),
            "n": count("Images."),
            "note": NOTE,
        },
    ),
}
