# local: compute nodes often lack the internet. Said in each rule, for in a module that renames its rules (`as td_*`)
# `localrules:` keeps the old names (Snakemake 9.27).


rule fetch_asset:
    input:
        brought(lambda wildcards: PLAN.file_by_hand(wildcards.file)),
    output:
        "resources/{file}",
    log:
        "resources/logs/{file}.log",
    wildcard_constraints:
        file=plan.one_of(asset["file"] for asset in config["assets"].values()),
    retries: 0  # it goes on by itself where a download broke off
    localrule: True
    conda:
        "../../envs/assets.yaml"
    params:
        name=lambda wildcards: PLAN.asset_of(wildcards.file),
        settings=lambda wildcards: as_json(PLAN.asset_settings(wildcards.file)),
        lock="resources/assets.lock.json",
    shell:
        "python $SCRIPTS/fetch_asset.py --name={params.name:q} --settings {params.settings:q} --lock {params.lock:q}"
        " --out {output:q} 2> {log:q}"


# a checkpoint: which models an archive holds is known only once it is unpacked
checkpoint unpack_asset:
    input:
        lambda wildcards: f"resources/{config['assets'][wildcards.asset]['file']}",
    output:
        directory("resources/{asset}"),
    log:
        "resources/logs/unpack-{asset}.log",
    wildcard_constraints:
        asset=plan.one_of(name for name, asset in config["assets"].items() if asset["unpack"]),
    localrule: True
    conda:
        "../../envs/assets.yaml"
    shell:
        "python $SCRIPTS/unpack_asset.py --archive {input:q} --out {output:q} 2> {log:q}"


rule assets:
    input:
        [PLAN.asset_path(name) for name in config["assets"]],
