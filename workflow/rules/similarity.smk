# The similarity experiment: how alike layers are, of one network and of two, on the same images.


# one job for two networks: what is known of a layer serves all pairs that it is in
rule compare_layers:
    input:
        activations=compared(lambda item, units: [unit.activations(item["sample"]) for unit in units]),
        layers=compared(
            lambda item, units: list(filter(None, (found_in(layers_of(unit, item["sample"])) for unit in units)))
        ),
    output:
        "<similarity>/pairs/{model}/{other}.csv",
    log:
        "<logs>/compare_layers/{similarity}-{model}-{other}.log",
    benchmark:
        "<benchmarks>/compare_layers/{similarity}-{model}-{other}.tsv"
    wildcard_constraints:
        other=PLAN.wildcards()["model"],
    retries: 1  # with twice the memory
    conda:
        "../../envs/homology.yaml"
    resources:
        mem_mb=similarity_memory,
    params:
        tokens=compared(lambda item, units: as_json([[*layers_of(unit, item["sample"]).values()] for unit in units])),
        settings=compared(lambda item, units: as_json(item.comparison_settings)),
        columns=compared(lambda item, units: as_json({"run": config["run"], "dataset": units[0].images.dataset})),
        code=experiment(
            "similarity", lambda item: code_with("compare_layers.py", **{"measure of similarity": item["measures"]})
        ),
    shell:
        "python $SCRIPTS/compare_layers.py --activations {input.activations:q} --names {wildcards.model:q}"
        " {wildcards.other:q} --layers {params.tokens:q} --settings {params.settings:q} --columns {params.columns:q}"
        " --out {output:q} 2> {log:q}"


# in a file, for with many networks it is longer than a command can be
rule list_similarity:
    input:
        experiment("similarity", lambda item: item.pairs),
    output:
        "<similarity>/listing.json",
    log:
        "<logs>/list_similarity/{similarity}.log",
    localrule: True
    run:
        texts.write_json(output[0], list(input))


rule join_similarity:
    input:
        listing="<similarity>/listing.json",
        pairs=experiment("similarity", lambda item: item.pairs),
    output:
        table=report(
            "<similarity>/similarity.csv",
            caption="../report/similarity_tables.rst",
            category=PLAN.kinds["similarity"].category,
            subcategory="{similarity}",
            labels={"result": "table of all values"},
        ),
        summary=report(
            "<similarity>/summary.html",
            caption="../report/similarity_tables.rst",
            category=PLAN.kinds["similarity"].category,
            subcategory="{similarity}",
            labels={"result": "what it says, in words"},
        ),
    log:
        "<logs>/join_similarity/{similarity}.log",
    benchmark:
        "<benchmarks>/join_similarity/{similarity}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        labels=experiment("similarity", lambda item: as_json(item.labels("similarity_layers"))),
        title=title("similarity"),
        code=code("join_similarity.py"),
    shell:
        "python $SCRIPTS/join_similarity.py --listing {input.listing:q} --labels {params.labels:q} --title={params.title:q}"
        " --table {output.table:q} --summary {output.summary:q} 2> {log:q}"
