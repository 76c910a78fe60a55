# The generalisation experiment: do descriptors tell how well models generalise, beyond what is known without them?
GENERAL_FIGURES = {
    "generalization_scatter": ("models", "measures", "associations"),
    "generalization_forest": ("associations",),
    "generalization_depth": ("associations",),
}


# in a file, for with hundreds of models it is longer than a command can be
rule list_generalization:
    input:
        tables=general_tables,
        metrics=general_metrics,
        activations=general_activations,
    output:
        "<generalization>/listing.json",
    log:
        "<logs>/list_generalization/{generalization}.log",
    localrule: True
    params:
        listing=general_listing,
    run:
        files = {name: list(input.get(name, [])) for name in ("tables", "metrics", "activations")}
        storage.write_json(output[0], json.loads(params.listing) | files)


rule join_generalization:
    input:
        listing="<generalization>/listing.json",
        tables=general_tables,
        metrics=general_metrics,
        activations=general_activations,
    output:
        models=report(
            "<generalization>/models.csv",
            caption="../report/generalization_tables.rst",
            category="Generalisation",
            subcategory="{generalization}",
            labels={"result": "table of models"},
        ),
        measures="<generalization>/measures.csv",
    log:
        "<logs>/join_generalization/{generalization}.log",
    benchmark:
        "<benchmarks>/join_generalization/{generalization}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        code=code("join_generalization.py"),
    shell:
        "python $SCRIPTS/join_generalization.py --listing {input.listing:q} --models-out {output.models:q}"
        " --measures-out {output.measures:q} 2> {log:q}"


rule associate_measures:
    input:
        models="<generalization>/models.csv",
        measures="<generalization>/measures.csv",
    output:
        associations=report(
            "<generalization>/associations.csv",
            caption="../report/generalization_tables.rst",
            category="Generalisation",
            subcategory="{generalization}",
            labels={"result": "table of associations"},
        ),
        granulated="<generalization>/granulated.csv",
        held_out="<generalization>/held_out.csv",
        summary=report(
            "<generalization>/summary.html",
            caption="../report/generalization_tables.rst",
            category="Generalisation",
            subcategory="{generalization}",
            labels={"result": "verdicts in words"},
        ),
    log:
        "<logs>/associate_measures/{generalization}.log",
    benchmark:
        "<benchmarks>/associate_measures/{generalization}.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        settings=general_settings,
        code=code("associate_measures.py"),
    shell:
        "python $SCRIPTS/associate_measures.py --models {input.models:q} --measures {input.measures:q}"
        " --settings {params.settings:q} --associations {output.associations:q} --granulated {output.granulated:q}"
        " --held-out {output.held_out:q} --summary {output.summary:q} 2> {log:q}"


# one rule a figure, for a caption may not hold wildcards
for figure, tables in GENERAL_FIGURES.items():

    rule:
        name:
            f"draw_{figure}"
        input:
            [f"<generalization>/{table}.csv" for table in tables],
        output:
            report(
                f"<generalization>/{figure}.png",
                caption=f"../report/{figure}.rst",
                category="Generalisation",
                subcategory="{generalization}",
                labels={"result": figure.removeprefix("generalization_")},
            ),
            f"<generalization>/{figure}.svg",
        log:
            f"<logs>/draw_{figure}/{{generalization}}.log",
        benchmark:
            f"<benchmarks>/draw_{figure}/{{generalization}}.tsv"
        conda:
            "../../envs/figures.yaml"
        params:
            figure=figure,
            title=lambda wildcards: title_of(GENERALIZATION[wildcards.generalization]),
            options=(general_scatter if figure == "generalization_scatter" else general_target),
            code=code("draw_figure.py", f"topodepth.figures.{figure}"),
        shell:
            "python $SCRIPTS/draw_figure.py {params.figure:q} --tables {input:q} --title={params.title:q}"
            " --options {params.options:q} --out {output:q} 2> {log:q}"


rule generalization:
    input:
        expand(
            "<results>/generalization/{generalization}/{result}",
            generalization=GENERALIZATION,
            result=["summary.html", *[f"{figure}.png" for figure in GENERAL_FIGURES]],
        ),
