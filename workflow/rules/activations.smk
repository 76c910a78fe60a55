rule extract_activations:
    input:
        model=model_file,
        dataset=dataset_file,
        sample=sample_file,
    output:
        "<results>/activations/{model}/{sample}.h5",
    log:
        "<logs>/extract_activations/{model}-{sample}.log",
    conda:
        "../../envs/networks.yaml"
    resources:
        gpu=1,
    params:
        split=lambda wildcards: config["samples"][wildcards.sample]["split"],
        model=keras_file,
        normalisation=lambda wildcards: of_model(wildcards)["normalisation"],
        trust=trust_flag,
        layers=lambda wildcards: as_json(list(MODELS[wildcards.model].layers.values())),
        code=code("extract_activations.py"),
    shell:
        "python $SCRIPTS/extract_activations.py --name {wildcards.model:q} --model {params.model:q} {params.trust}"
        " --dataset {input.dataset:q} --sample {input.sample:q} --split {params.split:q}"
        " --normalisation {params.normalisation:q} --layers {params.layers:q} --threads {threads}"
        " --out {output:q} 2> {log:q}"
