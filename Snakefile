# For `snakemake` in this folder: the workflow is workflow/Snakefile, where the catalogue of workflows looks for it. Here
# it could not be used from a tag of a clone: of a Snakefile at the top of a git+file: repository, Snakemake 9.27.1 seeks
# what it includes under /workflow/rules, a path with a slash too many for `git show`.
include: "workflow/Snakefile"


# what is included says no default target; the first rule of a workflow that uses this one as a module stays its own
workflow.default_target = workflow.default_target or workflow.modifier.modify_rulename("all")
