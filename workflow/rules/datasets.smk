rule prepare_dataset:
    input:
        brought(lambda wildcards: PLAN.dataset_paths(wildcards.dataset, f"datasets/{wildcards.dataset}.h5")),
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
        source=brought(lambda wildcards: PLAN.dataset_source(wildcards.dataset)),
        settings=lambda wildcards: as_json(PLAN.dataset_settings(wildcards.dataset)),
        code=lambda wildcards: loader_code(config["datasets"][wildcards.dataset]["loader"]),
    shell:
        "python $SCRIPTS/prepare_dataset.py --loader {params.loader:q} --source={params.source:q}"
        " --settings {params.settings:q} --out {output:q} 2> {log:q}"


rule draw_sample:
    input:
        dataset="<results>/datasets/{dataset}.h5",
        positions=sampled(lambda sample: PLAN.positions(sample) or []),
    output:
        "<results>/samples/{dataset}/{sample}.csv",
    log:
        "<logs>/draw_sample/{dataset}-{sample}.log",
    benchmark:
        "<benchmarks>/draw_sample/{dataset}-{sample}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        settings=sampled(lambda sample: as_json(PLAN.sample_settings(sample))),
        positions=lambda wildcards, input: f"--positions={shlex.quote(input.positions)}" if input.positions else "",
        code=code("draw_sample.py"),
    shell:
        "python $SCRIPTS/draw_sample.py --dataset={input.dataset:q} {params.positions} --settings {params.settings:q}"
        " --out {output:q} 2> {log:q}"
