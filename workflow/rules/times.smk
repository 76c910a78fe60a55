# Where the time of a run went, from the benchmark files that every job leaves behind. Not part of `all`: whatever ran
# again would make it again.


rule tabulate_times:
    input:
        rules.all.input,
    output:
        report(
            "<results>/times.csv",
            caption="../report/times.rst",
            category="Provenance",
            labels={"result": "table of seconds and memory"},
        ),
    log:
        "<logs>/tabulate_times.log",
    conda:
        "../../envs/homology.yaml"
    params:
        folder=f"results/{config['run']}/benchmarks",
        code=code("tabulate_times.py"),
    shell:
        "python $SCRIPTS/tabulate_times.py --benchmarks {params.folder:q} --out {output:q} 2> {log:q}"


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
