# The spoofing experiment: real images against spoofs, in pixels and in the layers of models.


rule compare_spoofs:
    input:
        layers=found_layers,
        activations=activations_file,
        dataset=dataset_file,
    output:
        table="<results>/spoofs/{model}/{sample}/{layer}.csv",
        curves="<results>/spoofs/{model}/{sample}/{layer}.curves.csv",
        permutations="<results>/spoofs/{model}/{sample}/{layer}.permutations.csv",
    log:
        "<logs>/compare_spoofs/{model}-{sample}-{layer}.log",
    benchmark:
        "<benchmarks>/compare_spoofs/{model}-{sample}-{layer}.tsv"
    wildcard_constraints:
        model=PLAN.spoofs(),
    conda:
        "../../envs/homology.yaml"
    params:
        layer=layer_of,
        settings=measured(lambda unit, sample: as_json(spoof_of(sample).comparison_settings)),
        columns=measured(lambda unit, sample: as_json(spoof_of(sample).columns(unit, sample))),
        code=measured(lambda unit, sample: spoofing_code(spoof_of(sample))),
    shell:
        "python $SCRIPTS/compare_spoofs.py --activations={input.activations:q} --dataset={input.dataset:q}"
        " --layer={params.layer:q} --settings {params.settings:q} --columns {params.columns:q}"
        " --out {output.table:q} --curves {output.curves:q} --permutations {output.permutations:q} 2> {log:q}"


rule join_spoofs:
    input:
        tables=experiment("spoofing", lambda item: item.files("csv")),
        curves=experiment("spoofing", lambda item: item.files("curves.csv")),
        permutations=experiment("spoofing", lambda item: item.files("permutations.csv")),
    output:
        table=report(
            "<spoofing>/spoofing.csv",
            caption="../report/spoofing_tables.rst",
            category=PLAN.kinds["spoofing"].category,
            subcategory="{spoofing}",
            labels={"result": "table of all values"},
        ),
        curves="<spoofing>/curves.csv",
        summary=report(
            "<spoofing>/summary.html",
            caption="../report/spoofing_tables.rst",
            category=PLAN.kinds["spoofing"].category,
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
        title=title("spoofing"),
        code=code("join_spoofs.py"),
    shell:
        "python $SCRIPTS/join_spoofs.py --tables {input.tables:q} --curves {input.curves:q}"
        " --permutations {input.permutations:q} --title={params.title:q}"
        " --table-out {output.table:q} --curves-out {output.curves:q} --summary {output.summary:q} 2> {log:q}"
