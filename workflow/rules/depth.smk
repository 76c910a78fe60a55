# The depth experiment: how descriptors change from layer to layer, compared between models.
DEPTH_FIGURES = ["depth", "depth_models", "dimension", "training"]


rule join_depth_tables:
    input:
        lambda wildcards: tables_of(COMPARISONS[wildcards.comparison], compared(wildcards)),
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
    benchmark:
        "<benchmarks>/join_depth_tables/{comparison}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        curves=lambda wildcards: as_json({unit.name: unit.model.curve for unit in compared(wildcards)}),
        code=code("join_tables.py"),
    shell:
        "python $SCRIPTS/join_tables.py --tables {input:q} --curves {params.curves:q} --out {output:q} 2> {log:q}"


rule tabulate_accuracy:
    input:
        lambda wildcards: [
            unit.activations(COMPARISONS[wildcards.comparison]["sample"]) for unit in compared(wildcards)
        ],
    output:
        table="<depth>/accuracy.csv",
        page=report(
            "<depth>/accuracy.html",
            caption="../report/accuracy.rst",
            category="Depth",
            subcategory="{comparison}",
            labels={"result": "accuracy on the measured images"},
        ),
    log:
        "<logs>/tabulate_accuracy/{comparison}.log",
    benchmark:
        "<benchmarks>/tabulate_accuracy/{comparison}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        models=models_told,
        title=lambda wildcards: f"{title_of(COMPARISONS[wildcards.comparison])}: accuracy",
        code=code("tabulate_accuracy.py"),
    shell:
        "python $SCRIPTS/tabulate_accuracy.py --activations {input:q} --models {params.models:q} --title={params.title:q}"
        " --out {output.table:q} --page {output.page:q} 2> {log:q}"


rule summarize_depth:
    input:
        rules.join_depth_tables.output,
    output:
        report(
            "<depth>/summary.html",
            caption="../report/depth_summary.rst",
            category="Depth",
            subcategory="{comparison}",
            labels={"result": "what it says, in words"},
        ),
    log:
        "<logs>/summarize_depth/{comparison}.log",
    benchmark:
        "<benchmarks>/summarize_depth/{comparison}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        labels=lambda wildcards: labels_of(compared(wildcards)),
        title=lambda wildcards: title_of(COMPARISONS[wildcards.comparison]),
        code=code("summarize.py", "topodepth.summaries.depth"),
    shell:
        "python $SCRIPTS/summarize.py depth --table {input:q} --labels {params.labels:q} --title={params.title:q}"
        " --out {output:q} 2> {log:q}"


rule join_histories:
    input:
        histories,
    output:
        "<depth>/training.csv",
    log:
        "<logs>/join_histories/{comparison}.log",
    benchmark:
        "<benchmarks>/join_histories/{comparison}.tsv"
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
        benchmark:
            f"<benchmarks>/draw_{figure}/{{comparison}}.tsv"
        conda:
            "../../envs/figures.yaml"
        params:
            figure=figure,
            labels=(
                (lambda wildcards: as_json([[u.name, u.name] for u in compared(wildcards) if u.model.history]))
                if figure == "training"
                else (lambda wildcards: labels_of(compared(wildcards)))
            ),
            title=lambda wildcards: title_of(COMPARISONS[wildcards.comparison]),
            options=as_json({"estimators": config["dimension"]["estimators"]} if figure == "dimension" else {}),
            code=code("draw_figure.py", f"topodepth.figures.{figure}"),
        shell:
            "python $SCRIPTS/draw_figure.py {params.figure:q} --tables {input:q} --labels {params.labels:q}"
            " --title={params.title:q} --options {params.options:q} --out {output:q} 2> {log:q}"


rule tabulate_diagrams:
    input:
        chosen_diagrams,
    output:
        bars="<depth>/diagrams/{model}.bars.csv",
        betti="<depth>/diagrams/{model}.betti.csv",
    log:
        "<logs>/tabulate_diagrams/{comparison}-{model}.log",
    benchmark:
        "<benchmarks>/tabulate_diagrams/{comparison}-{model}.tsv"
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
    benchmark:
        "<benchmarks>/draw_diagrams/{comparison}-{model}.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        labels=lambda wildcards: as_json([[wildcards.model, model_of(wildcards).label]]),
        title=lambda wildcards: model_of(wildcards).label,
        options=lambda wildcards: as_json(
            {"measured": len(layers_of(wildcards.model, COMPARISONS[wildcards.comparison]["sample"]))}
        ),
        code=code("draw_figure.py", "topodepth.figures.diagrams"),
    shell:
        "python $SCRIPTS/draw_figure.py diagrams --tables {input:q} --labels {params.labels:q}"
        " --title={params.title:q} --options {params.options:q} --out {output:q} 2> {log:q}"


rule depth:
    input:
        expand("<results>/depth/{comparison}/accuracy.html", comparison=COMPARISONS),
        [
            f"<results>/depth/{name}/{figure}.png"
            for name, comparison in COMPARISONS.items()
            for figure in depth_figures(comparison)
        ],
        expand("<results>/depth/{name}/summary.html", name=COMPARISONS),
        [
            f"<results>/depth/{name}/diagrams/{model}.png"
            for name, comparison in COMPARISONS.items()
            for model in drawn_diagrams(comparison)
        ],
