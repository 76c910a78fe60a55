# The page on which a run is explored: what it shows of the layers of each network, a job each, and the page itself.

EXPLORED = plan.explored(PLAN)


rule show_layers:
    input:
        activations=activations_file,
        diagrams=lambda wildcards: plan.shown_layers(layer_files("diagrams", "h5")(wildcards)),
    output:
        "<results>/explore/networks/{model}/{sample}.json",
    log:
        "<logs>/show_layers/{model}-{sample}.log",
    benchmark:
        "<benchmarks>/show_layers/{model}-{sample}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        scaling=config["topology"]["scaling"],
        code=code("show_layers.py"),
    shell:
        "python $SCRIPTS/show_layers.py --activations={input.activations:q} --diagrams {input.diagrams:q}"
        " --scaling {params.scaling:q} --out {output:q} 2> {log:q}"


use rule show_layers as show_attacked_layers with:
    input:
        layers=found_attacked_layers,
        activations=rules.attack_model.output,
        diagrams=attacked(lambda item, unit: plan.shown_layers(item.diagrams(unit))),
    output:
        "<results>/explore/attacks/{attack}/{model}.json",
    log:
        "<logs>/show_attacked_layers/{attack}-{model}.log",
    benchmark:
        "<benchmarks>/show_attacked_layers/{attack}-{model}.tsv"


rule explore:
    input:
        tables=EXPLORED.tables,
        trends=EXPLORED.trends,
        layers=EXPLORED.layers,
        pages=EXPLORED.pages,
        datasets=EXPLORED.datasets,
    output:
        "<results>/explore.html",
    log:
        "<logs>/explore.log",
    benchmark:
        "<benchmarks>/explore.tsv"
    conda:
        "../../envs/figures.yaml"
    params:
        contents=as_json(EXPLORED.contents),
        template=[storage.sha256(path) for path in sorted(REPOSITORY.glob("src/topodepth/figures/explore/parts/*"))],
        code=code("write_explorer.py"),
    shell:
        "python $SCRIPTS/write_explorer.py --contents {params.contents:q} --tables {input.tables:q}"
        " --trends {input.trends:q} --layers {input.layers:q} --pages {input.pages:q}"
        " --datasets {input.datasets:q} --out {output:q} 2> {log:q}"
