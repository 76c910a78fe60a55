

rule train_model:
    input:
        dataset=dataset_file,
    output:
        model="<results>/models/{model}/model.keras",
        metrics="<results>/models/{model}/metrics.json",
        history="<results>/models/{model}/history.csv",
    log:
        "<logs>/train_model/{model}.log",
    conda:
        "../../envs/networks.yaml"
    resources:
        gpu=1,
    params:
        # not an output: Snakemake clears outputs of a job that failed, and training goes on from here
        checkpoints=f"results/{config['run']}/checkpoints/{{model}}",
        settings=model_settings,
        code=lambda wildcards: code(
            "train_model.py",
            architectures.registry.module_of(config["models"][wildcards.model]["architecture"]),
        ),
    shell:
        "python $SCRIPTS/train_model.py --name {wildcards.model:q} --dataset {input.dataset:q}"
        " --settings {params.settings:q} --checkpoints {params.checkpoints:q} --threads {threads}"
        " --model {output.model:q} --metrics {output.metrics:q} --history {output.history:q} 2> {log:q}"
