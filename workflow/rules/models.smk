def model_settings(wildcards):
    model = config["models"][wildcards.model]
    return as_json(
        pick(model, "architecture", "activation", "width", "normalisation", "training")
        | {"seed": seed_of(model)}
    )


rule train_model:
    input:
        dataset=dataset_file,
    output:
        model=RUN + "/models/{model}/model.keras",
        metrics=RUN + "/models/{model}/metrics.json",
        history=RUN + "/models/{model}/history.csv",
    log:
        RUN + "/logs/train_model/{model}.log",
    conda:
        "../../envs/networks.yaml"
    resources:
        gpu=1,
    params:
        # not an output: Snakemake clears outputs of a job that failed, and training goes on from here
        checkpoints=RUN + "/checkpoints/{model}",
        settings=model_settings,
        code=lambda wildcards: code(
            "train_model.py",
            architectures.registry.module_of(
                config["models"][wildcards.model]["architecture"]
            ),
        ),
    shell:
        "python {SCRIPTS:q}/train_model.py --name {wildcards.model:q} --dataset {input.dataset:q}"
        " --settings {params.settings:q} --checkpoints {params.checkpoints:q} --threads {threads}"
        " --model {output.model:q} --metrics {output.metrics:q} --history {output.history:q} 2> {log:q}"
