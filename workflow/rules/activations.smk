rule extract_activations:
    input:
        model=model_file,
        dataset=dataset_file,
        own_dataset=own_dataset_file,
        sample=sample_file,
    output:
        "<results>/activations/{model}/{sample}.h5",
    log:
        "<logs>/extract_activations/{model}-{sample}.log",
    benchmark:
        "<benchmarks>/extract_activations/{model}-{sample}.tsv"
    wildcard_constraints:
        model=one_of_models([unit.model for unit in UNITS.values() if unit.model.path], *ARCHIVED),
    conda:
        "../../envs/networks.yaml"
    resources:
        gpu=1,
    params:
        split=lambda wildcards: SAMPLES[wildcards.sample]["split"],
        model=keras_file,
        normalisation=lambda wildcards: of_model(wildcards)["normalisation"],
        trust=trust_flag,
        layers=lambda wildcards: as_json([*layers_of(wildcards.model, wildcards.sample).values()]),
        stated=stated_flag,
        code=code("extract_activations.py"),
    shell:
        "python $SCRIPTS/extract_activations.py --name={wildcards.model:q} --model={params.model:q} {params.trust}"
        " --dataset={input.dataset:q} --own-dataset {input.own_dataset:q} --sample={input.sample:q}"
        " --split {params.split:q} --normalisation {params.normalisation:q} --layers {params.layers:q} {params.stated}"
        " --threads {threads} --gpus {resources.gpu} --out {output:q} 2> {log:q}"


rule extract_pixels:
    input:
        dataset=dataset_file,
        sample=sample_file,
    output:
        "<results>/activations/{model}/{sample}.h5",
    log:
        "<logs>/extract_pixels/{model}-{sample}.log",
    benchmark:
        "<benchmarks>/extract_pixels/{model}-{sample}.tsv"
    wildcard_constraints:
        model=one_of_models([group[0].model for group in VIEWED.values() if not group[0].model.path]),
    conda:
        "../../envs/homology.yaml"
    params:
        split=lambda wildcards: SAMPLES[wildcards.sample]["split"],
        size=lambda wildcards: f"--size={of_model(wildcards)['size']}" if of_model(wildcards)["size"] else "",
        colour=lambda wildcards: of_model(wildcards)["colour"],
        code=code("extract_pixels.py"),
    shell:
        "python $SCRIPTS/extract_pixels.py --dataset={input.dataset:q} --sample={input.sample:q}"
        " --split {params.split:q} {params.size} --colour {params.colour:q} --out {output:q} 2> {log:q}"
