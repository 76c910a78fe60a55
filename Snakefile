# For `snakemake` in this folder: the workflow is workflow/Snakefile, where Snakemake and its catalogue look for it.
include: "workflow/Snakefile"


# what is included says no default target; the first rule of a workflow that uses this one as a module stays its own
workflow.default_target = workflow.default_target or workflow.modifier.modify_rulename("all")
