"""Rules by what they do, and what is planned."""

FIGURES = {"draw_depth", "draw_depth_models", "draw_dimension", "draw_training"}
AGGREGATES = {"join_depth_tables", "join_histories", "tabulate_accuracy", "summarize_depth", "explore"} | FIGURES
PROVENANCE = {"all", "list_provenance", "provenance", "describe_tables", "write_methods"}
NETWORKS = {"train_model", "evaluate_model", "extract_activations", "attack_model"}
LAYERS = {"compute_diagrams", "compute_attacked_diagrams", "estimate_dimensions", "compare_spoofs"}


def rules(jobs):
    return {rule for rule, _ in jobs}


def of_model(jobs, model):
    return {rule for rule, wildcards in jobs if f"model={model}" in wildcards.split(", ")}
