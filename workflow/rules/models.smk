rule train_model:
    input:
        dataset=dataset_file,
    output:
        model="<results>/models/{model}/model.keras",
        metrics="<results>/models/{model}/metrics.json",
        history="<results>/models/{model}/history.csv",
        snapshots=directory("<results>/models/{model}/snapshots"),
    log:
        "<logs>/train_model/{model}.log",
    benchmark:
        "<benchmarks>/train_model/{model}.tsv"
    wildcard_constraints:
        model=PLAN.trainings(),
    retries: 1  # a killed one goes on after its last epoch
    conda:
        "../../envs/networks.yaml"
    resources:
        mem_mb=network_memory("train"),
        gpu=1,
    params:
        # not an output: Snakemake clears outputs of a job that failed, and training goes on from here
        checkpoints=f"results/{config['run']}/checkpoints/{{model}}",
        settings=unit(lambda unit: as_json(plan.model_settings(unit.model))),
        code=unit(lambda unit: training_code(unit.model.settings["architecture"])),
    shell:
        "python $SCRIPTS/train_model.py --name={wildcards.model:q} --dataset={input.dataset:q}"
        " --settings {params.settings:q} --checkpoints {params.checkpoints:q} --threads {threads}"
        " --model={output.model:q} --metrics {output.metrics:q} --history {output.history:q}"
        " --snapshots {output.snapshots:q} 2> {log:q}"


rule measure_trajectory:
    input:
        "<results>/models/{model}/snapshots",
    output:
        "<results>/models/{model}/trajectory.json",
    log:
        "<logs>/measure_trajectory/{model}.log",
    benchmark:
        "<benchmarks>/measure_trajectory/{model}.tsv"
    wildcard_constraints:
        model=PLAN.trainings(),
    conda:
        "../../envs/homology.yaml"
    params:
        seed=config["seed"],
        code=code("measure_trajectory.py"),
    shell:
        "python $SCRIPTS/measure_trajectory.py --snapshots {input:q} --seed {params.seed:q} --out {output:q} 2> {log:q}"


rule evaluate_model:
    input:
        model=model_file,
        weights=weights_files,
        dataset=dataset_file,
    output:
        "<results>/evaluations/{model}/metrics.json",
    log:
        "<logs>/evaluate_model/{model}.log",
    benchmark:
        "<benchmarks>/evaluate_model/{model}.tsv"
    conda:
        network_environment
    resources:
        mem_mb=network_memory("evaluate"),
        gpu=1,
    params:
        model=keras_file,
        torch=torch,
        normalisation=normalisation,
        layout=layout,
        trust=trust_flag,
        code=network_code("evaluate_model.py", openers.registry, classifiers.registry),
    shell:
        "python $SCRIPTS/evaluate_model.py --model={params.model:q} --dataset={input.dataset:q}"
        " --normalisation {params.normalisation:q} --threads {threads} --gpus {resources.gpu} {params.trust}"
        " --torch {params.torch:q} --layout {params.layout:q}"
        " --out {output:q} 2> {log:q}"
