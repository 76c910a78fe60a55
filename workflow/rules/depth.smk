# The depth experiment: how descriptors change from layer to layer, compared between models.
DEPTH_FIGURES = ["depth", "depth_models", "dimension", "training"]


rule join_depth_tables:
    input:
        lambda wildcards: [
            f"<results>/tables/{model}/{COMPARISONS[wildcards.comparison]['sample']}.csv"
            for model in comparison_models(wildcards)
        ],
    output:
        report(
            "<depth>/depth.csv",
            caption="../report/tables.rst",
            category="Depth",
            subcategory="{comparison}",
            labels={"result": "table of all values"},
        ),
    log:
        "<logs>/join_depth_tables/{comparison}.log",
    conda:
        "../../envs/homology.yaml"
    params:
        code=code("join_tables.py"),
    shell:
        "python $SCRIPTS/join_tables.py --tables {input:q} --out {output:q} 2> {log:q}"


rule join_histories:
    input:
        lambda wildcards: [f"<results>/models/{model}/history.csv" for model in comparison_models(wildcards)],
    output:
        "<depth>/training.csv",
    log:
        "<logs>/join_histories/{comparison}.log",
    conda:
        "../../envs/homology.yaml"
    params:
        code=code("join_tables.py"),
    shell:
        "python $SCRIPTS/join_tables.py --tables {input:q} --out {output:q} 2> {log:q}"


# one rule a figure, for a caption may not hold wildcards
for figure in DEPTH_FIGURES:

    rule:
        name:
            f"draw_{figure}"
        input:
            "<depth>/training.csv" if figure == "training" else "<depth>/depth.csv",
        output:
            report(
                f"<depth>/{figure}.png",
                caption=f"../report/{figure}.rst",
                category="Depth",
                subcategory="{comparison}",
                labels={"result": figure.replace("_", " ")},
            ),
            f"<depth>/{figure}.svg",
        log:
            f"<logs>/draw_{figure}/{{comparison}}.log",
        conda:
            "../../envs/figures.yaml"
        params:
            figure=figure,
            labels=comparison_labels,
            title=comparison_title,
            code=code("draw_figure.py", f"topodepth.figures.{figure}"),
        shell:
            "python $SCRIPTS/draw_figure.py {params.figure:q} --tables {input:q} --labels {params.labels:q}"
            " --title {params.title:q} --out {output:q} 2> {log:q}"


rule tabulate_diagrams:
    input:
        chosen_diagrams,
    output:
        bars="<depth>/diagrams/{model}.bars.csv",
        betti="<depth>/diagrams/{model}.betti.csv",
    log:
        "<logs>/tabulate_diagrams/{comparison}-{model}.log",
    conda:
        "../../envs/homology.yaml"
    params:
        code=code("tabulate_diagrams.py"),
    shell:
        "python $SCRIPTS/tabulate_diagrams.py --diagrams {input:q} --bars {output.bars:q}"
        " --betti {output.betti:q} 2> {log:q}"


rule draw_diagrams:
    input:
        rules.tabulate_diagrams.output,
    output:
        report(
            "<depth>/diagrams/{model}.png",
            caption="../report/diagrams.rst",
            category="Depth",
            subcategory="{comparison}",
            labels={"result": "persistence diagrams, {model}"},
        ),
        "<depth>/diagrams/{model}.svg",
    log:
        "<logs>/draw_diagrams/{comparison}-{model}.log",
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
        title=lambda wildcards: config["models"][wildcards.model]["label"] or wildcards.model,
        code=code("draw_figure.py", "topodepth.figures.diagrams"),
    shell:
        "python $SCRIPTS/draw_figure.py diagrams --tables {input:q} --labels {params.labels:q}"
        " --title {params.title:q} --out {output:q} 2> {log:q}"


rule depth:
    input:
        expand(
            "<results>/depth/{comparison}/{figure}.png",
            comparison=COMPARISONS,
            figure=DEPTH_FIGURES,
        ),
        [
            f"<results>/depth/{name}/diagrams/{model}.png"
            for name, comparison in COMPARISONS.items()
            if comparison["diagrams"]
            for model in comparison["models"]
        ],
