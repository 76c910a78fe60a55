rule provenance:
    output:
        report(
            RUN + "/config.yaml",
            caption="../report/provenance.rst",
            category="Provenance",
            labels={"figure": "configuration", "kind": "text"},
        ),
        report(
            RUN + "/versions.csv",
            caption="../report/provenance.rst",
            category="Provenance",
            labels={"figure": "versions", "kind": "table"},
        ),
    log:
        RUN + "/logs/provenance.log",
    conda:
        "../../envs/homology.yaml"
    params:
        config=as_json(config),
        code=code("record_provenance.py"),
    shell:
        "python {SCRIPTS:q}/record_provenance.py --config {params.config:q} --lock {workflow.basedir:q}/requirements.lock"
        " --out {output:q} 2> {log:q}"
