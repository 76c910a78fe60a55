# The adversarial experiment: what an attack that succeeds does to the topology of every layer.
ATTACK_FIGURES = {"adversarial_depth": "table", "adversarial_success": "changes"}


rule attack_model:
    input:
        model=model_file,
        dataset=dataset_file,
        sample=sample_of_attack,
    output:
        # activations at every strength, 00.h5 …, metrics.csv and images.h5
        directory("<results>/attacks/{attack}/{model}"),
    log:
        "<logs>/attack_model/{attack}-{model}.log",
    benchmark:
        "<benchmarks>/attack_model/{attack}-{model}.tsv"
    wildcard_constraints:
        model=one_of_models([unit.model for unit in UNITS.values() if unit.model.path], *ARCHIVED),
    conda:
        "../../envs/networks.yaml"
    resources:
        gpu=1,
    params:
        split=lambda wildcards: SAMPLES[ATTACKS[wildcards.attack]["sample"]]["split"],
        name="{model}@attack.{attack}",
        model=keras_file,
        normalisation=lambda wildcards: of_model(wildcards)["normalisation"],
        trust=trust_flag,
        layers=lambda wildcards: as_json([*layers_of(wildcards.model, ATTACKS[wildcards.attack]["sample"]).values()]),
        settings=attack_settings,
        code=code("attack_model.py"),
    shell:
        "python $SCRIPTS/attack_model.py --name={params.name:q} --model={params.model:q} {params.trust}"
        " --dataset={input.dataset:q} --sample={input.sample:q} --split {params.split:q}"
        " --normalisation {params.normalisation:q} --settings {params.settings:q} --layers {params.layers:q}"
        " --threads {threads} --gpus {resources.gpu} --out-folder {output:q} 2> {log:q}"


# all strengths in one job: on small clouds a job's start is most of it, and an attack is made anew as a whole
rule compute_attacked_diagrams:
    input:
        rules.attack_model.output,
    output:
        # diagrams at every strength, 00.h5 …
        directory("<results>/attacked_diagrams/{attack}/{model}/{layer}"),
    log:
        "<logs>/compute_attacked_diagrams/{attack}-{model}-{layer}.log",
    benchmark:
        "<benchmarks>/compute_attacked_diagrams/{attack}-{model}-{layer}.tsv"
    retries: 1  # with twice the memory
    conda:
        "../../envs/homology.yaml"
    resources:
        mem_mb=attacked_diagrams_memory,
    params:
        layer=lambda wildcards: layers_of(wildcards.model, ATTACKS[wildcards.attack]["sample"])[wildcards.layer],
        settings=lambda wildcards: diagram_settings(ATTACKS[wildcards.attack]["sample"]),
        code=code("compute_attacked_diagrams.py"),
    shell:
        "python $SCRIPTS/compute_attacked_diagrams.py --attack {input:q} --layer={params.layer:q}"
        " --settings {params.settings:q} --out-folder {output:q} 2> {log:q}"


rule compare_attacks:
    input:
        attack=rules.attack_model.output,
        diagrams=attacked_diagrams,
        dimensions=attacked_dimensions,
    output:
        table=report(
            "<adversarial>/{model}/table.csv",
            caption="../report/adversarial_tables.rst",
            category="Adversarial",
            subcategory="{attack}",
            labels={"result": "table of all values, {model}"},
        ),
        changes="<adversarial>/{model}/changes.csv",
        trends="<adversarial>/{model}/trends.csv",
        summary=report(
            "<adversarial>/{model}/summary.html",
            caption="../report/adversarial_tables.rst",
            category="Adversarial",
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
        settings=lambda wildcards: as_json(description_settings() | {"title": attack_title(wildcards)}),
        code=code("compare_attacks.py"),
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
            category="Adversarial",
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
        title=attack_title,
        code=code("draw_images.py"),
    shell:
        "python $SCRIPTS/draw_images.py --images {input:q}/images.h5 --title={params.title:q} --out {output:q} 2> {log:q}"


# one rule a figure, for a caption may not hold wildcards
for figure, table in ATTACK_FIGURES.items():

    rule:
        name:
            f"draw_{figure}"
        input:
            f"<adversarial>/{{model}}/{table}.csv",
        output:
            report(
                f"<adversarial>/{{model}}/{figure}.png",
                caption=f"../report/{figure}.rst",
                category="Adversarial",
                subcategory="{attack}",
                labels={"result": f"{figure.removeprefix('adversarial_')}, {{model}}"},
            ),
            f"<adversarial>/{{model}}/{figure}.svg",
        log:
            f"<logs>/draw_{figure}/{{attack}}-{{model}}.log",
        benchmark:
            f"<benchmarks>/draw_{figure}/{{attack}}-{{model}}.tsv"
        conda:
            "../../envs/figures.yaml"
        params:
            figure=figure,
            title=attack_title,
            options=as_json({"descriptor": leading_descriptor()} if figure == "adversarial_success" else {}),
            code=code("draw_figure.py", f"topodepth.figures.{figure}"),
        shell:
            "python $SCRIPTS/draw_figure.py {params.figure:q} --tables {input:q} --title={params.title:q}"
            " --options {params.options:q} --out {output:q} 2> {log:q}"


rule adversarial:
    input:
        [
            f"<results>/adversarial/{experiment}/{model}/{result}"
            for experiment, attacked in ATTACKED.items()
            for model in attacked
            for result in ["summary.html", "adversarial_images.png", *[f"{figure}.png" for figure in ATTACK_FIGURES]]
        ],
