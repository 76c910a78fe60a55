# What made the results: enough to repeat them (docs/provenance.md).


external_inputs = brought(lambda wildcards: PLAN.external_inputs())


# in a file, for it may be longer than a command can be
rule list_provenance:
    output:
        "<results>/logs/provenance.json",
    log:
        "<logs>/list_provenance.log",
    localrule: True
    params:
        config=as_json(config),
        lock=storage.sha256(REPOSITORY / "requirements.lock"),
        code=code_digests,
        inputs=external_inputs,
        tables=[path.removeprefix("<results>/") for path in PLAN.tables],
    run:
        texts.write_json(output[0], dict(params.items()) | {"config": config})


rule provenance:
    input:
        listing="<results>/logs/provenance.json",
        files=external_inputs,
    output:
        record="<results>/provenance.json",
        page=report(
            "<results>/provenance.html",
            caption="../report/provenance.rst",
            category="Provenance",
            labels={"result": "configuration, code, inputs"},
        ),
        versions=report(
            "<results>/versions.csv",
            caption="../report/provenance.rst",
            category="Provenance",
            labels={"result": "versions of packages"},
        ),
    log:
        "<logs>/provenance.log",
    benchmark:
        "<benchmarks>/provenance.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        code=code("record_provenance.py"),
    shell:
        "python $SCRIPTS/record_provenance.py --listing {input.listing:q} --record {output.record:q} --page {output.page:q}"
        " --versions {output.versions:q} 2> {log:q}"


# One job for all tables, for each takes a moment; beside depth.csv it makes depth.csv-metadata.json. It looks for the
# tables on the way to these, for only jobs may know which layers there are, and describes them too.
rule describe_tables:
    input:
        record="<results>/provenance.json",
        tables=PLAN.tables,
    output:
        [f"{path}-metadata.json" for path in PLAN.tables],
    log:
        "<logs>/describe_tables.log",
    benchmark:
        "<benchmarks>/describe_tables.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        code=code("describe_tables.py"),
    shell:
        "python $SCRIPTS/describe_tables.py --record {input.record:q} 2> {log:q}"


rule write_methods:
    input:
        record="<results>/provenance.json",
        tables=PLAN.tables,
    output:
        text="<results>/methods.md",
        references="<results>/references.bib",
    log:
        "<logs>/write_methods.log",
    benchmark:
        "<benchmarks>/write_methods.tsv"
    conda:
        "../../envs/homology.yaml"
    params:
        known=storage.sha256(REPOSITORY / "src/topodepth/experiments/methods/references.bib"),
        code=code("write_methods.py"),
    shell:
        "python $SCRIPTS/write_methods.py --record {input.record:q} --out {output.text:q}"
        " --references {output.references:q} 2> {log:q}"
