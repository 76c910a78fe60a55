# The table of contents: what can be asked for. Rules lie in workflow/rules, one file a stage or kind of experiment.
from snakemake.utils import min_version

min_version("9.20")


# as a module, this is a part of another workflow, which has a report, targets and limits of its own
MODULE = not workflow.modifier.is_main_snakefile()

if not MODULE:

    report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/machine.smk"
include: "workflow/rules/assets.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/activations.smk"
include: "workflow/rules/topology.smk"


for kind in PLAN.kinds:

    include: f"workflow/rules/{kind}.smk"


include: "workflow/rules/experiments.smk"
include: "workflow/rules/provenance.smk"


rule all:
    default_target: not MODULE
    input:
        [PLAN.results(kind) for kind in PLAN.kinds],
        rules.provenance.output,


rule models:
    input:
        [unit.model.metrics for units in PLAN.entries.values() for unit in units if unit.model.path],


rule activations:
    input:
        [unit.activations(item["sample"]) for item in PLAN.of("depth") for unit in item.members],


include: "workflow/rules/times.smk"
