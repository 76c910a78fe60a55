# The table of contents: what can be asked for. Rules lie in workflow/rules, one file a stage.
from snakemake.utils import min_version

min_version("9.20")


# as a module, this is a part of another workflow, which has a report, targets and limits of its own
MODULE = not workflow.modifier.is_main_snakefile()

if not MODULE:

    report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/machine.smk"
include: "workflow/rules/experiments.smk"
include: "workflow/rules/assets.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/activations.smk"
include: "workflow/rules/topology.smk"
include: "workflow/rules/depth.smk"
include: "workflow/rules/dynamics.smk"
include: "workflow/rules/generalization.smk"
include: "workflow/rules/adversarial.smk"
include: "workflow/rules/spoofing.smk"
include: "workflow/rules/provenance.smk"


rule all:
    default_target: not MODULE
    input:
        rules.depth.input,
        rules.dynamics.input,
        rules.generalization.input,
        rules.adversarial.input,
        rules.spoofing.input,
        rules.provenance.output,


rule models:
    input:
        [unit.model.metrics for units in ENTRIES.values() for unit in units if unit.model.path],


rule activations:
    input:
        [unit.activations(item["sample"]) for item in COMPARISONS.values() for unit in members(item)],


include: "workflow/rules/times.smk"
