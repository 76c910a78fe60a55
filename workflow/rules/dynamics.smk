# The dynamics experiment: the same descriptors on snapshots of the training, coloured by test accuracy.


rule join_snapshots:
    input:
        tables=lambda wildcards: tables_of(DYNAMICS[wildcards.dynamics], snapshots_of(wildcards)),
        metrics=lambda wildcards: [unit.model.metrics for unit in snapshots_of(wildcards)],
    output:
        report(
            "<dynamics>/dynamics.csv",
            caption="../report/tables.rst",
            category="Dynamics",
            subcategory="{dynamics}",
            labels={"result": "table of all values"},
        ),
    log:
        "<logs>/join_snapshots/{dynamics}.log",
    benchmark:
        "<benchmarks>/join_snapshots/{dynamics}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        models=lambda wildcards: [unit.model.entry for unit in snapshots_of(wildcards)],
        epochs=lambda wildcards: [unit.model.epoch for unit in snapshots_of(wildcards)],
        code=code("join_snapshots.py"),
    shell:
        "python $SCRIPTS/join_snapshots.py --tables {input.tables:q} --metrics {input.metrics:q}"
        " --models {params.models:q} --epochs {params.epochs} --out {output:q} 2> {log:q}"


rule summarize_dynamics:
    input:
        rules.join_snapshots.output,
    output:
        report(
            "<dynamics>/summary.html",
            caption="../report/dynamics_summary.rst",
            category="Dynamics",
            subcategory="{dynamics}",
            labels={"result": "what it says, in words"},
        ),
    log:
        "<logs>/summarize_dynamics/{dynamics}.log",
    benchmark:
        "<benchmarks>/summarize_dynamics/{dynamics}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        labels=lambda wildcards: as_json(
            [[entry, FOLLOWED[entry].model.label] for entry in DYNAMICS[wildcards.dynamics]["models"]]
        ),
        title=lambda wildcards: title_of(DYNAMICS[wildcards.dynamics]),
        code=code("summarize.py", "topodepth.summaries.dynamics"),
    shell:
        "python $SCRIPTS/summarize.py dynamics --table {input:q} --labels {params.labels:q} --title={params.title:q}"
        " --out {output:q} 2> {log:q}"


rule draw_dynamics:
    input:
        "<dynamics>/dynamics.csv",
    output:
        report(
            "<dynamics>/dynamics.png",
            caption="../report/dynamics.rst",
            category="Dynamics",
            subcategory="{dynamics}",
            labels={"result": "descriptors through training"},
        ),
        "<dynamics>/dynamics.svg",
    log:
        "<logs>/draw_dynamics/{dynamics}.log",
    benchmark:
        "<benchmarks>/draw_dynamics/{dynamics}.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        labels=lambda wildcards: as_json(
            [[entry, FOLLOWED[entry].model.label] for entry in DYNAMICS[wildcards.dynamics]["models"]]
        ),
        title=lambda wildcards: title_of(DYNAMICS[wildcards.dynamics]),
        code=code("draw_figure.py", "topodepth.figures.dynamics"),
    shell:
        "python $SCRIPTS/draw_figure.py dynamics --tables {input:q} --labels {params.labels:q}"
        " --title={params.title:q} --out {output:q} 2> {log:q}"


rule dynamics:
    input:
        expand("<results>/dynamics/{dynamics}/{result}", dynamics=DYNAMICS, result=["dynamics.png", "summary.html"]),
