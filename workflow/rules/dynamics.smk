# The dynamics experiment: the same descriptors on snapshots of the training, coloured by test accuracy.


rule join_snapshots:
    input:
        tables=experiment("dynamics", lambda item: item.tables(item.own)),
        metrics=experiment("dynamics", lambda item: [unit.model.metrics for unit in item.own]),
    output:
        report(
            "<dynamics>/dynamics.csv",
            caption="../report/tables.rst",
            category=PLAN.kinds["dynamics"].category,
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
        models=experiment("dynamics", lambda item: [unit.model.entry for unit in item.own]),
        epochs=experiment("dynamics", lambda item: [unit.model.epoch for unit in item.own]),
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
            category=PLAN.kinds["dynamics"].category,
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
        labels=experiment("dynamics", lambda item: as_json(item.labels("dynamics"))),
        title=title("dynamics"),
        code=code("summarize.py", "topodepth.experiments.summaries.dynamics"),
    shell:
        "python $SCRIPTS/summarize.py dynamics --table {input:q} --labels {params.labels:q} --title={params.title:q}"
        " --out {output:q} 2> {log:q}"
