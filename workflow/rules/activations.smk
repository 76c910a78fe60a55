own_dataset_file = unit(lambda unit: f"<results>/datasets/{unit.model.settings['dataset']}.h5")
stated_flag = unit(lambda unit: flag("--stated-accuracy", unit.model.settings["stated_accuracy"]))
sample_file = measured(lambda unit, sample: f"<results>/samples/{unit.images.dataset}/{sample}.csv")


# a checkpoint: which layers a PyTorch model has is known only once it has been passed through
checkpoint find_layers:
    input:
        model=model_file,
        weights=weights_files,
        dataset=own_dataset_file,
    output:
        "<results>/layers/{model}.json",
    log:
        "<logs>/find_layers/{model}.log",
    benchmark:
        "<benchmarks>/find_layers/{model}.tsv"
    wildcard_constraints:
        model=PLAN.networks(),
    conda:
        network_environment
    params:
        torch=torch,
        normalisation=normalisation,
        layout=layout,
        trust=trust_flag,
        code=network_code("find_layers.py", openers.registry),
    shell:
        "python $SCRIPTS/find_layers.py --model={input.model:q} --torch {params.torch:q} {params.trust}"
        " --layout {params.layout:q} --dataset={input.dataset:q} --normalisation {params.normalisation:q}"
        " --threads {threads} --out {output:q} 2> {log:q}"


rule extract_activations:
    input:
        layers=found_layers,
        model=model_file,
        weights=weights_files,
        dataset=dataset_file,
        own_dataset=own_dataset_file,  # by whose pixels a network's input is normalised
        sample=sample_file,
    output:
        "<results>/activations/{model}/{sample}.h5",
    log:
        "<logs>/extract_activations/{model}-{sample}.log",
    benchmark:
        "<benchmarks>/extract_activations/{model}-{sample}.tsv"
    wildcard_constraints:
        model=PLAN.networks(),
    conda:
        network_environment
    threads: unit(lambda unit: 1 if unit.model.torch else NETWORK_THREADS)
    resources:
        mem_mb=network_memory("extract"),
        gpu=1,
    params:
        split=sampled(lambda sample: PLAN.samples[sample]["split"]),
        model=keras_file,
        torch=torch,
        normalisation=normalisation,
        layout=layout,
        trust=trust_flag,
        layers=measured(lambda unit, sample: as_json([*layers_of(unit, sample).values()])),
        stated=stated_flag,
        code=network_code("extract_activations.py", openers.registry),
    shell:
        "python $SCRIPTS/extract_activations.py --name={wildcards.model:q} --model={params.model:q} {params.trust}"
        " --torch {params.torch:q} --layout {params.layout:q}"
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
        model=PLAN.bare_images(),
    conda:
        "../../envs/homology.yaml"
    params:
        split=sampled(lambda sample: PLAN.samples[sample]["split"]),
        size=unit(lambda unit: flag("--size", unit.model.settings["size"])),
        colour=unit(lambda unit: unit.model.settings["colour"]),
        code=code("extract_pixels.py"),
    shell:
        "python $SCRIPTS/extract_pixels.py --dataset={input.dataset:q} --sample={input.sample:q}"
        " --split {params.split:q} {params.size} --colour {params.colour:q} --out {output:q} 2> {log:q}"
