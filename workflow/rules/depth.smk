# The depth experiment: how descriptors change from layer to layer, compared between models.
DEPTH = RUN + "/depth/{comparison}"
DEPTH_FIGURES = ["depth", "depth_models", "dimension", "training"]


def comparison_models(wildcards):
    return COMPARISONS[wildcards.comparison]["models"]


def comparison_labels(wildcards):
    """Models in order, with their labels; a list of pairs keeps the order in JSON."""
    return as_json(
        [
            [model, config["models"][model]["label"] or model]
            for model in comparison_models(wildcards)
        ]
    )


def comparison_title(wildcards):
    return COMPARISONS[wildcards.comparison]["title"] or wildcards.comparison


rule join_depth_tables:
    input:
        lambda wildcards: [
            f"{RUN}/tables/{model}/{COMPARISONS[wildcards.comparison]['sample']}.csv"
            for model in comparison_models(wildcards)
        ],
    output:
        report(
            DEPTH + "/depth.csv",
            caption="../report/tables.rst",
            category="Depth",
            subcategory="{comparison}",
            labels={"figure": "all values", "kind": "table"},
        ),
    log:
        RUN + "/logs/join_depth_tables/{comparison}.log",
    conda:
        "../../envs/homology.yaml"
    params:
        code=code("join_tables.py"),
    shell:
        "python {SCRIPTS:q}/join_tables.py --tables {input:q} --out {output:q} 2> {log:q}"


rule join_histories:
    input:
        lambda wildcards: [
            f"{RUN}/models/{model}/history.csv"
            for model in comparison_models(wildcards)
        ],
    output:
        DEPTH + "/training.csv",
    log:
        RUN + "/logs/join_histories/{comparison}.log",
    conda:
        "../../envs/homology.yaml"
    params:
        code=code("join_tables.py"),
    shell:
        "python {SCRIPTS:q}/join_tables.py --tables {input:q} --out {output:q} 2> {log:q}"


# one rule a figure, for a caption may not hold wildcards
for figure in DEPTH_FIGURES:

    rule:
        name:
            f"draw_{figure}"
        input:
            DEPTH + ("/training.csv" if figure == "training" else "/depth.csv"),
        output:
            report(
                DEPTH + f"/{figure}.png",
                caption=f"../report/{figure}.rst",
                category="Depth",
                subcategory="{comparison}",
                labels={"figure": figure.replace("_", " "), "kind": "figure"},
            ),
            DEPTH + f"/{figure}.svg",
        log:
            RUN + f"/logs/draw_{figure}/{{comparison}}.log",
        conda:
            "../../envs/figures.yaml"
        params:
            figure=figure,
            labels=comparison_labels,
            title=comparison_title,
            code=code("draw_figure.py", f"topodepth.figures.{figure}"),
        shell:
            "python {SCRIPTS:q}/draw_figure.py {params.figure:q} --tables {input:q} --labels {params.labels:q}"
            " --title {params.title:q} --out {output:q} 2> {log:q}"


def chosen_diagrams(wildcards):
    comparison = COMPARISONS[wildcards.comparison]
    folder = f"{RUN}/diagrams/{wildcards.model}/{comparison['sample']}"
    return [
        f"{folder}/{layer}.h5"
        for layer in spread(layer_tokens(wildcards.model), comparison["diagrams"])
    ]


rule tabulate_diagrams:
    input:
        chosen_diagrams,
    output:
        bars=DEPTH + "/diagrams/{model}.bars.csv",
        betti=DEPTH + "/diagrams/{model}.betti.csv",
    log:
        RUN + "/logs/tabulate_diagrams/{comparison}-{model}.log",
    conda:
        "../../envs/homology.yaml"
    params:
        code=code("tabulate_diagrams.py"),
    shell:
        "python {SCRIPTS:q}/tabulate_diagrams.py --diagrams {input:q} --bars {output.bars:q}"
        " --betti {output.betti:q} 2> {log:q}"


rule draw_diagrams:
    input:
        rules.tabulate_diagrams.output,
    output:
        report(
            DEPTH + "/diagrams/{model}.png",
            caption="../report/diagrams.rst",
            category="Depth",
            subcategory="{comparison}",
            labels={"figure": "persistence diagrams, {model}", "kind": "figure"},
        ),
        DEPTH + "/diagrams/{model}.svg",
    log:
        RUN + "/logs/draw_diagrams/{comparison}-{model}.log",
    conda:
        "../../envs/figures.yaml"
    params:
        labels=lambda wildcards: as_json(
            [
                [
                    wildcards.model,
                    config["models"][wildcards.model]["label"] or wildcards.model,
                ]
            ]
        ),
        title=lambda wildcards: config["models"][wildcards.model]["label"]
        or wildcards.model,
        code=code("draw_figure.py", "topodepth.figures.diagrams"),
    shell:
        "python {SCRIPTS:q}/draw_figure.py diagrams --tables {input:q} --labels {params.labels:q}"
        " --title {params.title:q} --out {output:q} 2> {log:q}"


rule depth:
    input:
        expand(DEPTH + "/{figure}.png", comparison=COMPARISONS, figure=DEPTH_FIGURES),
        [
            f"{RUN}/depth/{name}/diagrams/{model}.png"
            for name, comparison in COMPARISONS.items()
            if comparison["diagrams"]
            for model in comparison["models"]
        ],
