# The generalisation experiment: do descriptors tell how well models generalise, beyond what is known without them?


general_tables = unpacked(lambda item: item.tables(item.members))
general_metrics = unpacked(lambda item: item.metrics)
general_activations = unpacked(lambda item: item.activations)
general_trajectories = unpacked(lambda item: item.trajectories)


# in a file, for with hundreds of models it is longer than a command can be
rule list_generalization:
    input:
        tables=general_tables,
        metrics=general_metrics,
        activations=general_activations,
        trajectories=general_trajectories,
    output:
        "<generalization>/listing.json",
    log:
        "<logs>/list_generalization/{generalization}.log",
    localrule: True
    params:
        listing=unpacked(lambda item: as_json(item.listing)),
    run:
        files = {name: list(input.get(name, [])) for name in ("tables", "metrics", "activations", "trajectories")}
        texts.write_json(output[0], json.loads(params.listing) | files)


rule join_generalization:
    input:
        listing="<generalization>/listing.json",
        tables=general_tables,
        metrics=general_metrics,
        activations=general_activations,
        trajectories=general_trajectories,
    output:
        models=report(
            "<generalization>/models.csv",
            caption="../report/generalization_tables.rst",
            category=PLAN.kinds["generalization"].category,
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
            category=PLAN.kinds["generalization"].category,
            subcategory="{generalization}",
            labels={"result": "table of associations"},
        ),
        granulated="<generalization>/granulated.csv",
        held_out="<generalization>/held_out.csv",
        summary=report(
            "<generalization>/summary.html",
            caption="../report/generalization_tables.rst",
            category=PLAN.kinds["generalization"].category,
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
        settings=experiment("generalization", lambda item: as_json(item.association_settings)),
        code=code("associate_measures.py"),
    shell:
        "python $SCRIPTS/associate_measures.py --models {input.models:q} --measures {input.measures:q}"
        " --settings {params.settings:q} --associations {output.associations:q} --granulated {output.granulated:q}"
        " --held-out {output.held_out:q} --summary {output.summary:q} 2> {log:q}"
