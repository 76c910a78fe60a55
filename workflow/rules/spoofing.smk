# The spoofing experiment: real images against spoofs, in pixels and in the layers of models.
SPOOF_FIGURES = {"spoofing_growth": "curves", "spoofing_layers": "spoofing"}


rule compare_spoofs:
    input:
        activations=activations_of,
        dataset=dataset_file,
    output:
        table="<results>/spoofs/{model}/{sample}/{layer}.csv",
        curves="<results>/spoofs/{model}/{sample}/{layer}.curves.csv",
    log:
        "<logs>/compare_spoofs/{model}-{sample}-{layer}.log",
    benchmark:
        "<benchmarks>/compare_spoofs/{model}-{sample}-{layer}.tsv"
    wildcard_constraints:
        model=one_of_models([unit.model for group in VIEWED.values() for unit in group]),
    conda:
        "../../envs/homology.yaml"
    params:
        layer=layer_of,
        settings=spoof_settings,
        columns=spoof_columns,
        code=code("compare_spoofs.py"),
    shell:
        "python $SCRIPTS/compare_spoofs.py --activations={input.activations:q} --dataset={input.dataset:q}"
        " --layer={params.layer:q} --settings {params.settings:q} --columns {params.columns:q}"
        " --out {output.table:q} --curves {output.curves:q} 2> {log:q}"


rule join_spoofs:
    input:
        tables=spoof_files("csv"),
        curves=spoof_files("curves.csv"),
    output:
        table=report(
            "<spoofing>/spoofing.csv",
            caption="../report/spoofing_tables.rst",
            category="Spoofing",
            subcategory="{spoofing}",
            labels={"result": "table of all values"},
        ),
        curves="<spoofing>/curves.csv",
        summary=report(
            "<spoofing>/summary.html",
            caption="../report/spoofing_tables.rst",
            category="Spoofing",
            subcategory="{spoofing}",
            labels={"result": "what it says, in words"},
        ),
    log:
        "<logs>/join_spoofs/{spoofing}.log",
    benchmark:
        "<benchmarks>/join_spoofs/{spoofing}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        title=lambda wildcards: title_of(SPOOFS[wildcards.spoofing]),
        code=code("join_spoofs.py"),
    shell:
        "python $SCRIPTS/join_spoofs.py --tables {input.tables:q} --curves {input.curves:q} --title={params.title:q}"
        " --table-out {output.table:q} --curves-out {output.curves:q} --summary {output.summary:q} 2> {log:q}"


# one rule a figure, for a caption may not hold wildcards
for figure, table in SPOOF_FIGURES.items():

    rule:
        name:
            f"draw_{figure}"
        input:
            f"<spoofing>/{table}.csv",
        output:
            report(
                f"<spoofing>/{figure}.png",
                caption=f"../report/{figure}.rst",
                category="Spoofing",
                subcategory="{spoofing}",
                labels={"result": figure.removeprefix("spoofing_")},
            ),
            f"<spoofing>/{figure}.svg",
        log:
            f"<logs>/draw_{figure}/{{spoofing}}.log",
        benchmark:
            f"<benchmarks>/draw_{figure}/{{spoofing}}.tsv"
        conda:
            "../../envs/figures.yaml"
        params:
            figure=figure,
            title=lambda wildcards: title_of(SPOOFS[wildcards.spoofing]),
            labels=spoof_labels,
            code=code("draw_figure.py", f"topodepth.figures.{figure}"),
        shell:
            "python $SCRIPTS/draw_figure.py {params.figure:q} --tables {input:q} --title={params.title:q}"
            " --labels {params.labels:q} --out {output:q} 2> {log:q}"


rule spoofing:
    input:
        [
            f"<results>/spoofing/{experiment}/{result}"
            for experiment in SPOOFS
            for result in ["summary.html", *[f"{figure}.png" for figure in spoof_figures(experiment)]]
        ],
