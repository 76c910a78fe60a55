rule provenance:
    output:
        "<results>/config.yaml",
        report(
            "<results>/config.html",
            caption="../report/provenance.rst",
            category="Provenance",
            labels={"result": "configuration"},
        ),
        report(
            "<results>/versions.csv",
            caption="../report/provenance.rst",
            category="Provenance",
            labels={"result": "versions of packages"},
        ),
    log:
        "<logs>/provenance.log",
    conda:
        "../../envs/homology.yaml"
    params:
        config=as_json(config),
        lock=storage.sha256(Path(workflow.basedir, "requirements.lock")),
        code=code("record_provenance.py"),
    shell:
        "python $SCRIPTS/record_provenance.py --config {params.config:q} --out {output:q} 2> {log:q}"
