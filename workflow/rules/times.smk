# Where the time of a run went, from the benchmark files that every job leaves behind and Snakemake's own record of when
# they ran. Not part of `all`: whatever ran again would make it again.


rule tabulate_times:
    input:
        rules.all.input,
        record="<results>/provenance.json",
    output:
        rules=report(
            "<results>/times.csv",
            caption="../report/times.rst",
            category="Provenance",
            labels={"result": "table of seconds and memory"},
        ),
        parts=report(
            "<results>/times_parts.csv",
            caption="../report/times_parts.rst",
            category="Provenance",
            labels={"result": "what the time of the run went to"},
        ),
        cores=report(
            "<results>/times_cores.csv",
            caption="../report/times_cores.rst",
            category="Provenance",
            labels={"result": "what the run would take on other numbers of cores"},
        ),
        described=[f"<results>/{name}.csv-metadata.json" for name in ("times", "times_parts", "times_cores")],
    log:
        "<logs>/tabulate_times.log",
    conda:
        "../../envs/homology.yaml"
    params:
        run=config["run"],
        code=code("tabulate_times.py"),
    shell:
        "python $SCRIPTS/tabulate_times.py --benchmarks results/{params.run:q}/benchmarks --results results/{params.run:q}"
        " --provenance {input.record:q} --out {output.rules:q} --parts {output.parts:q} --cores {output.cores:q} 2> {log:q}"


rule draw_times:
    input:
        "<results>/times.csv",
    output:
        report(
            "<results>/times.png",
            caption="../report/times.rst",
            category="Provenance",
            labels={"result": "where the time went"},
        ),
        "<results>/times.svg",
    log:
        "<logs>/draw_times.log",
    conda:
        "../../envs/figures.yaml"
    params:
        title=f"Where the time of run {config['run']} went",
        code=code("draw_figure.py", "topodepth.figures.times"),
    shell:
        "python $SCRIPTS/draw_figure.py times --tables {input:q} --title={params.title:q} --code {params.code:q}"
        " --out {output:q} 2> {log:q}"


rule times:
    input:
        rules.draw_times.output,
