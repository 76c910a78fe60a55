# Everything here runs without TensorFlow: one small job a layer.


rule compute_diagrams:
    input:
        activations_file,
        layers=found_layers,
    output:
        "<results>/diagrams/{model}/{sample}/{layer}.h5",
    log:
        "<logs>/compute_diagrams/{model}-{sample}-{layer}.log",
    benchmark:
        "<benchmarks>/compute_diagrams/{model}-{sample}-{layer}.tsv"
    retries: 1  # with twice the memory
    conda:
        distances_environment(distances_gpus)
    resources:
        mem_mb=diagrams_memory,
        gpu=distances_gpus,
    params:
        activations=activations_path,
        layer=layer_of,
        settings=sampled(lambda sample: as_json(PLAN.diagram_settings(sample))),
        code=code("compute_diagrams.py"),
    shell:
        "python $SCRIPTS/compute_diagrams.py --name={wildcards.model:q} --activations={params.activations:q} --layer={params.layer:q}"
        " --settings {params.settings:q} --gpus {resources.gpu} --out {output:q} 2> {log:q}"


rule estimate_dimensions:
    input:
        activations_file,
        layers=found_layers,
    output:
        "<results>/dimensions/{model}/{sample}/{layer}.csv",
    log:
        "<logs>/estimate_dimensions/{model}-{sample}-{layer}.log",
    benchmark:
        "<benchmarks>/estimate_dimensions/{model}-{sample}-{layer}.tsv"
    retries: 1  # with twice the memory
    conda:
        distances_environment(distances_gpus)
    resources:
        mem_mb=dimensions_memory,
        gpu=distances_gpus,
    params:
        activations=activations_path,
        layer=layer_of,
        settings=sampled(lambda sample: as_json(PLAN.dimension_settings(sample))),
        code=code_with("estimate_dimensions.py", estimator=config["dimension"]["estimators"]),
    shell:
        "python $SCRIPTS/estimate_dimensions.py --name={wildcards.model:q} --activations={params.activations:q} --layer={params.layer:q}"
        " --settings {params.settings:q} --gpus {resources.gpu} --out {output:q} 2> {log:q}"


rule describe_model:
    input:
        activations=activations_file,
        diagrams=layer_files("diagrams", "h5"),
        dimensions=layer_files("dimensions", "csv"),
    output:
        "<results>/tables/{model}/{sample}.csv",
    log:
        "<logs>/describe_model/{model}-{sample}.log",
    benchmark:
        "<benchmarks>/describe_model/{model}-{sample}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        settings=as_json(PLAN.description_settings),
        columns=unit(lambda unit: as_json({"run": config["run"], "dataset": unit.images.dataset})),
        code=code_with("describe_model.py", descriptor=config["topology"]["descriptors"]),
    shell:
        "python $SCRIPTS/describe_model.py --activations={input.activations:q}"
        " --diagrams {input.diagrams:q} --dimensions {input.dimensions:q}"
        " --settings {params.settings:q} --columns {params.columns:q} --out {output:q} 2> {log:q}"
