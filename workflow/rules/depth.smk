# The depth experiment: how descriptors change from layer to layer, compared between models.


rule join_depth_tables:
    input:
        experiment("depth", lambda item: item.tables(item.members)),
    output:
        report(
            "<depth>/depth.csv",
            caption="../report/tables.rst",
            category=PLAN.kinds["depth"].category,
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
        curves=experiment("depth", lambda item: as_json(item.curves)),
        code=code("join_tables.py"),
    shell:
        "python $SCRIPTS/join_tables.py --tables {input:q} --curves {params.curves:q} --out {output:q} 2> {log:q}"


rule tabulate_accuracy:
    input:
        experiment("depth", lambda item: [unit.activations(item["sample"]) for unit in item.members]),
    output:
        table="<depth>/accuracy.csv",
        page=report(
            "<depth>/accuracy.html",
            caption="../report/accuracy.rst",
            category=PLAN.kinds["depth"].category,
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
        models=experiment("depth", lambda item: as_json(item.models_told)),
        title=experiment("depth", lambda item: f"{item.title}: accuracy"),
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
            category=PLAN.kinds["depth"].category,
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
        labels=experiment("depth", lambda item: as_json(item.labels("depth"))),
        title=title("depth"),
        code=code("summarize.py", "topodepth.experiments.summaries.depth"),
    shell:
        "python $SCRIPTS/summarize.py depth --table {input:q} --labels {params.labels:q} --title={params.title:q}"
        " --out {output:q} 2> {log:q}"


rule join_histories:
    input:
        experiment("depth", lambda item: item.histories),
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


rule tabulate_diagrams:
    input:
        lambda wildcards: PLAN.experiments["depth"][wildcards.comparison].diagrams(PLAN.units[wildcards.model]),
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
        tables=rules.tabulate_diagrams.output,
        layers=lambda wildcards: found_in(
            layers_of(PLAN.units[wildcards.model], PLAN.experiments["depth"][wildcards.comparison]["sample"])
        ),
    output:
        report(
            "<depth>/diagrams/{model}.png",
            caption="../report/diagrams.rst",
            category=PLAN.kinds["depth"].category,
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
        labels=unit(lambda unit: as_json([[unit.name, unit.model.label]])),
        title=unit(lambda unit: unit.model.label),
        options=lambda wildcards: as_json(
            {
                "measured": len(
                    layers_of(PLAN.units[wildcards.model], PLAN.experiments["depth"][wildcards.comparison]["sample"])
                )
            }
        ),
        code=code("draw_figure.py", "topodepth.figures.diagrams"),
    shell:
        "python $SCRIPTS/draw_figure.py diagrams --tables {input.tables:q} --labels {params.labels:q}"
        " --title={params.title:q} --options {params.options:q} --code {params.code:q} --out {output:q} 2> {log:q}"


rule list_bars:
    input:
        of_comparison(lambda item, unit: unit.activations(item["sample"])),
        layers=of_comparison(lambda item, unit: found_in(layers_of(unit, item["sample"]))),
    output:
        "<depth>/bars/{model}.csv",
    log:
        "<logs>/list_bars/{comparison}-{model}.log",
    benchmark:
        "<benchmarks>/list_bars/{comparison}-{model}.tsv"
    retries: 1  # with twice the memory
    conda:
        "../../envs/homology.yaml"
    resources:
        mem_mb=bars_memory,
    params:
        activations=activations_path,
        layers=of_comparison(lambda item, unit: as_json([*layers_of(unit, item["sample"]).values()])),
        settings=experiment("depth", lambda item: as_json(PLAN.diagram_settings(item["sample"]))),
        longest=experiment("depth", lambda item: item["bars"]),
        code=code("list_bars.py"),
    shell:
        "python $SCRIPTS/list_bars.py --name={wildcards.model:q} --activations={params.activations:q}"
        " --layers {params.layers:q} --settings {params.settings:q} --longest {params.longest:q} --out {output:q} 2> {log:q}"


rule join_bars:
    input:
        experiment("depth", lambda item: item.bars),
    output:
        report(
            "<depth>/bars.csv",
            caption="../report/bars.rst",
            category=PLAN.kinds["depth"].category,
            subcategory="{comparison}",
            labels={"result": "images of the longest bars"},
        ),
    log:
        "<logs>/join_bars/{comparison}.log",
    benchmark:
        "<benchmarks>/join_bars/{comparison}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        code=code("join_tables.py"),
    shell:
        "python $SCRIPTS/join_tables.py --tables {input:q} --out {output:q} 2> {log:q}"


rule draw_bars:
    input:
        table=rules.list_bars.output,
        dataset=dataset_file,
    output:
        report(
            "<depth>/bars/{model}.png",
            caption="../report/bars.rst",
            category=PLAN.kinds["depth"].category,
            subcategory="{comparison}",
            labels={"result": "images of the longest bars, {model}"},
        ),
        "<depth>/bars/{model}.svg",
    log:
        "<logs>/draw_bars/{comparison}-{model}.log",
    benchmark:
        "<benchmarks>/draw_bars/{comparison}-{model}.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        split=experiment("depth", lambda item: PLAN.samples[item["sample"]]["split"]),
        title=unit(lambda unit: f"{unit.model.label}: images of the longest bars"),
        code=code("draw_bars.py"),
    shell:
        "python $SCRIPTS/draw_bars.py --table {input.table:q} --dataset {input.dataset:q} --split {params.split:q}"
        " --title={params.title:q} --code {params.code:q} --out {output:q} 2> {log:q}"
