# The adversarial experiment: what an attack that succeeds does to the topology of every layer.


rule attack_model:
    input:
        layers=found_attacked_layers,
        model=model_file,
        weights=weights_files,
        dataset=dataset_file,
        sample=attacked(lambda item, unit: f"<results>/samples/{unit.images.dataset}/{item['sample']}.csv"),
    output:
        # activations at every strength, 00.h5 …, metrics.csv and images.h5
        directory("<results>/attacks/{attack}/{model}"),
    log:
        "<logs>/attack_model/{attack}-{model}.log",
    benchmark:
        "<benchmarks>/attack_model/{attack}-{model}.tsv"
    wildcard_constraints:
        model=PLAN.networks(),
    conda:
        network_environment
    resources:
        mem_mb=network_memory("attack"),
        gpu=1,
    params:
        split=experiment("adversarial", lambda item: PLAN.samples[item["sample"]]["split"]),
        name="{model}@attack.{attack}",
        model=keras_file,
        torch=torch,
        normalisation=normalisation,
        layout=layout,
        trust=trust_flag,
        layers=attacked(lambda item, unit: as_json([*item.layers(unit).values()])),
        settings=experiment("adversarial", lambda item: as_json(item.attack_settings)),
        code=attacked(attack_code),
    shell:
        "python $SCRIPTS/attack_model.py --name={params.name:q} --model={params.model:q} {params.trust}"
        " --torch {params.torch:q} --layout {params.layout:q}"
        " --dataset={input.dataset:q} --sample={input.sample:q} --split {params.split:q}"
        " --normalisation {params.normalisation:q} --settings {params.settings:q} --layers {params.layers:q}"
        " --threads {threads} --gpus {resources.gpu} --out-folder {output:q} 2> {log:q}"


# all strengths in one job: on small clouds a job's start is most of it, and an attack is made anew as a whole
rule compute_attacked_diagrams:
    input:
        layers=found_attacked_layers,
        attack=rules.attack_model.output,
    output:
        # diagrams at every strength, 00.h5 …
        directory("<results>/attacked_diagrams/{attack}/{model}/{layer}"),
    log:
        "<logs>/compute_attacked_diagrams/{attack}-{model}-{layer}.log",
    benchmark:
        "<benchmarks>/compute_attacked_diagrams/{attack}-{model}-{layer}.tsv"
    retries: 1  # with twice the memory
    conda:
        distances_environment(attacked_distances_gpus)
    resources:
        mem_mb=attacked_diagrams_memory,
        gpu=attacked_distances_gpus,
    params:
        layer=lambda wildcards: attacked(lambda item, unit: item.layers(unit))(wildcards)[wildcards.layer],
        settings=experiment("adversarial", lambda item: as_json(PLAN.diagram_settings(item["sample"]))),
        code=code("compute_attacked_diagrams.py"),
    shell:
        "python $SCRIPTS/compute_attacked_diagrams.py --attack {input.attack:q} --layer={params.layer:q}"
        " --settings {params.settings:q} --gpus {resources.gpu} --out-folder {output:q} 2> {log:q}"


rule compare_attacks:
    input:
        attack=rules.attack_model.output,
        diagrams=attacked(lambda item, unit: item.diagrams(unit)),
        dimensions=attacked(lambda item, unit: item.dimensions(unit)),
    output:
        table=report(
            "<adversarial>/{model}/table.csv",
            caption="../report/adversarial_tables.rst",
            category=PLAN.kinds["adversarial"].category,
            subcategory="{attack}",
            labels={"result": "table of all values, {model}"},
        ),
        changes="<adversarial>/{model}/changes.csv",
        trends="<adversarial>/{model}/trends.csv",
        summary=report(
            "<adversarial>/{model}/summary.html",
            caption="../report/adversarial_tables.rst",
            category=PLAN.kinds["adversarial"].category,
            subcategory="{attack}",
            labels={"result": "simpler or more complex, in words, {model}"},
        ),
    log:
        "<logs>/compare_attacks/{attack}-{model}.log",
    benchmark:
        "<benchmarks>/compare_attacks/{attack}-{model}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        settings=lambda wildcards: as_json(PLAN.description_settings | {"title": title("adversarial")(wildcards)}),
        code=code_with("compare_attacks.py", descriptor=config["topology"]["descriptors"]),
    shell:
        "python $SCRIPTS/compare_attacks.py --metrics {input.attack:q}/metrics.csv --diagrams {input.diagrams:q}"
        " --dimensions {input.dimensions:q} --settings {params.settings:q} --table {output.table:q}"
        " --changes {output.changes:q} --trends {output.trends:q} --summary {output.summary:q} 2> {log:q}"


rule draw_adversarial_images:
    input:
        rules.attack_model.output,
    output:
        report(
            "<adversarial>/{model}/adversarial_images.png",
            caption="../report/adversarial_images.rst",
            category=PLAN.kinds["adversarial"].category,
            subcategory="{attack}",
            labels={"result": "images, {model}"},
        ),
        "<adversarial>/{model}/adversarial_images.svg",
    log:
        "<logs>/draw_adversarial_images/{attack}-{model}.log",
    benchmark:
        "<benchmarks>/draw_adversarial_images/{attack}-{model}.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        title=title("adversarial"),
        code=code("draw_images.py"),
    shell:
        "python $SCRIPTS/draw_images.py --images {input:q}/images.h5 --title={params.title:q} --code {params.code:q}"
        " --out {output:q} 2> {log:q}"
