# What every kind of experiment has: rules that draw its figures, and a target of its name.


# one rule a figure, for a caption may not hold wildcards
for name, kind in PLAN.kinds.items():
    wildcards_of = "-".join([f"{{{kind.wildcard}}}", *["{model}"] * kind.of_each_model])
    folder = f"<{name}>/{{model}}" if kind.of_each_model else f"<{name}>"

    for figure, drawn in kind.figures.items():

        rule:
            name:
                f"draw_{figure}"
            input:
                [f"{folder}/{table}.csv" for table in drawn.tables],
            output:
                report(
                    f"{folder}/{figure}.png",
                    caption=f"../report/{figure}.rst",
                    category=kind.category,
                    subcategory=f"{{{kind.wildcard}}}",
                    labels={"result": drawn.label},
                ),
                f"{folder}/{figure}.svg",
            log:
                f"<logs>/draw_{figure}/{wildcards_of}.log",
            benchmark:
                f"<benchmarks>/draw_{figure}/{wildcards_of}.tsv"
            conda:
                "../../envs/figures.yaml"
            params:
                figure=figure,
                labels=experiment(name, lambda item, figure=figure: as_json(item.labels(figure))),
                title=title(name),
                options=experiment(name, lambda item, figure=figure: as_json(item.options(figure))),
                code=code("draw_figure.py", f"topodepth.figures.{figure}"),
            shell:
                "python $SCRIPTS/draw_figure.py {params.figure:q} --tables {input:q} --labels {params.labels:q}"
                " --title={params.title:q} --options {params.options:q} --code {params.code:q}"
                " --out {output:q} 2> {log:q}"

    rule:
        name:
            name
        input:
            PLAN.results(name),
