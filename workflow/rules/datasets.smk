rule prepare_dataset:
    input:
        dataset_inputs,
    output:
        "<results>/datasets/{dataset}.h5",
    log:
        "<logs>/prepare_dataset/{dataset}.log",
    benchmark:
        "<benchmarks>/prepare_dataset/{dataset}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        loader=lambda wildcards: config["datasets"][wildcards.dataset]["loader"],
        source=dataset_source,
        settings=lambda wildcards: as_json(
            pick(config["datasets"][wildcards.dataset], "size", "validation", "test")
            | {"seed": seed_of(config["datasets"][wildcards.dataset])}
            | config["datasets"][wildcards.dataset]["options"]
        ),
        code=lambda wildcards: code(
            "prepare_dataset.py", datasets.registry.module_of(config["datasets"][wildcards.dataset]["loader"])
        ),
    shell:
        "python $SCRIPTS/prepare_dataset.py --loader {params.loader:q} --source={params.source:q}"
        " --settings {params.settings:q} --out {output:q} 2> {log:q}"


rule draw_sample:
    input:
        dataset="<results>/datasets/{dataset}.h5",
        positions=positions_file,
    output:
        "<results>/samples/{dataset}/{sample}.csv",
    log:
        "<logs>/draw_sample/{dataset}-{sample}.log",
    benchmark:
        "<benchmarks>/draw_sample/{dataset}-{sample}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        settings=sample_settings,
        positions=lambda wildcards, input: f"--positions={shlex.quote(input.positions)}" if input.positions else "",
        code=code("draw_sample.py"),
    shell:
        "python $SCRIPTS/draw_sample.py --dataset={input.dataset:q} {params.positions} --settings {params.settings:q}"
        " --out {output:q} 2> {log:q}"
