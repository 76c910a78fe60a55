# What the rules of the experiments ask for: the models, files and settings of each.


def spread(items, count):
    """At most ``count`` items spread evenly over a list, its first and last among them."""
    items = list(items)
    count = min(count, len(items))
    if count < 2:
        return items[:count]
    return [items[round(k * (len(items) - 1) / (count - 1))] for k in range(count)]


def members(experiment):
    """The single models of an experiment, in order."""
    return [model for entry in experiment["models"] for model in ENTRIES[entry]]


def tables_of(experiment, models):
    return [f"<results>/tables/{model.name}/{experiment['sample']}.csv" for model in models]


def compared(wildcards):
    return members(COMPARISONS[wildcards.comparison])


def labels_of(models):
    """Curves in order, with their labels; a list of pairs keeps the order in JSON."""
    labels = {model.curve: model.label for model in models}
    return as_json([[curve, label] for curve, label in labels.items()])


def title_of(experiment):
    return experiment["title"] or experiment["name"]


def models_told(wildcards):
    """What the table of accuracies says of each model beside its accuracy."""
    return as_json(
        [
            {
                "model": model.name,
                "label": model.label if model.curve == model.name else f"{model.label}, seed {model.seed}",
                "dataset": model.settings["dataset"],
                "stated_accuracy": model.settings.get("stated_accuracy"),
            }
            for model in compared(wildcards)
        ]
    )


def histories(wildcards):
    trained = [model.name for model in compared(wildcards) if model.kind == "trained"]
    return [f"<results>/models/{name}/history.csv" for name in trained]


def chosen_diagrams(wildcards):
    comparison = COMPARISONS[wildcards.comparison]
    folder = f"<results>/diagrams/{wildcards.model}/{comparison['sample']}"
    layers = layers_of(wildcards.model, comparison["sample"])
    return [f"{folder}/{layer}.h5" for layer in spread(layers, comparison["diagrams"])]


def drawn_diagrams(comparison):
    """The models whose diagrams are drawn: one a curve."""
    first = {model.curve: model for model in reversed(members(comparison))}
    return sorted(model.name for model in first.values()) if comparison["diagrams"] else []


def depth_figures(comparison):
    """Training curves are drawn where models were trained here, dimensions where they are estimated."""
    trained = any(model.kind == "trained" for model in members(comparison))
    estimated = SAMPLES[comparison["sample"]]["dimensions"] and config["dimension"]["estimators"]
    return ["depth", "depth_models"] + (["dimension"] if estimated else []) + (["training"] if trained else [])


def leading_descriptor():
    """The descriptor of the figures that show one alone."""
    descriptors = config["topology"]["descriptors"]
    return "lifespan_sum" if "lifespan_sum" in descriptors else descriptors[0]


def snapshots_of(wildcards):
    entries = DYNAMICS[wildcards.dynamics]["models"]
    return [snapshot for entry in entries for snapshot in SNAPSHOTS[FOLLOWED[entry].name]]


def compared_generally(wildcards):
    """The models of a generalisation experiment; asking for those of an archive waits for it to be unpacked."""
    found = []
    for entry in GENERALIZATION[wildcards.generalization]["models"]:
        if entry in ARCHIVED:
            checkpoints.unpack_asset.get(asset=config["models"][entry]["asset"])
            found += models_of_archive(entry).values()
        else:
            found += ENTRIES[entry]
    if GENERALIZATION[wildcards.generalization]["accuracy"] == "stated":
        names_told(wildcards.generalization, found)
    return found


def names_told(experiment, models):
    """What the names of the models' files state: (architecture, test accuracy) of each."""
    try:
        return [plan.stated(model, experiment) for model in models]
    except InputError as error:
        raise WorkflowError(error)


def general_activations(wildcards):
    """Activations files that hold logits, whose margins are rivals of the descriptors."""
    item = GENERALIZATION[wildcards.generalization]
    models = [model.name for model in compared_generally(wildcards)]
    if all("logits" in layers_of(model, item["sample"]) for model in models):
        return [activations_file(model, item["sample"]) for model in models]
    return []


def general_metrics(wildcards):
    stated = GENERALIZATION[wildcards.generalization]["accuracy"] == "stated"
    return [] if stated else [metrics_file(model.name) for model in compared_generally(wildcards)]


def general_listing(wildcards):
    """What the tables say of each model beside what is measured, and where that lies."""
    item, models = GENERALIZATION[wildcards.generalization], compared_generally(wildcards)
    if item["accuracy"] == "stated":
        told = names_told(wildcards.generalization, models)
    else:
        told = [(model.architecture, model.settings["stated_accuracy"]) for model in models]
    about = [
        {
            "model": model.name,
            "entry": model.entry,
            "label": model.label,
            "architecture": architecture,
            "seed": model.seed if model.kind == "trained" else None,
            "stated_accuracy": accuracy,
            "axes": model.axes,
        }
        for model, (architecture, accuracy) in zip(models, told, strict=True)
    ]
    return as_json({"models": about, "classes": item["classes"]})


def general_tables(wildcards):
    return tables_of(GENERALIZATION[wildcards.generalization], compared_generally(wildcards))


def general_settings(wildcards):
    item = GENERALIZATION[wildcards.generalization]
    axes = {axis for entry in item["models"] for axis, values in config["models"][entry]["grid"].items() if values[1:]}
    keys = ("targets", "groups", "controls", "covariates", "resamples", "permutations", "classes")
    return as_json(pick(item, *keys) | {"axes": sorted(axes), "seed": config["seed"], "title": title_of(item)})


def general_target(wildcards):
    return as_json({"target": GENERALIZATION[wildcards.generalization]["targets"][0]})


def general_scatter(wildcards):
    item = GENERALIZATION[wildcards.generalization]
    group = item["groups"] or "architecture"
    options = {"target": item["targets"][0], "colour": item["colour"], "group": group}
    return as_json(options | {"descriptor": leading_descriptor()})


def spoof_settings(wildcards):
    item = SPOOFS[wildcards.sample.partition("@")[0]]
    topology, dimension = item["topology"], item["dimension"]
    parameters = description_settings()["parameters"] | {"ph_dimension": pick(dimension, "alpha", "draws", "sizes")}
    return as_json(
        pick(item, "classes", "permutations")
        | pick(topology, "max_dim", "engine", "scaling", "null_draws", "jackknife_groups")
        | {"measures": topology["descriptors"], "estimators": dimension["estimators"]}
        | {"dimension_scaling": dimension["scaling"], "dimension_null_draws": dimension["null_draws"]}
        | {"n": item["points"], "parameters": parameters, "seed": config["seed"]}
    )


def spoof_figures(experiment):
    """The growth of E_0 is drawn where its slope, the PH dimension, is asked for."""
    asked = "ph_dimension" in SPOOFS[experiment]["dimension"]["estimators"]
    return [figure for figure in SPOOF_FIGURES if asked or figure != "spoofing_growth"]


def spoof_columns(wildcards):
    model, subset = MODELS[wildcards.model], wildcards.sample.partition("@")[2]
    columns = {"run": config["run"], "dataset": model.settings["dataset"], "subset": subset}
    return as_json(columns | {"representation": model.base or model.name.partition("@")[0]})


def spoof_files(ending):
    """What the comparison of every subset makes in every layer."""

    def files(wildcards):
        return [
            f"<results>/spoofs/{model.name}/{wildcards.spoofing}@{subset}/{layer}.{ending}"
            for subset in SPOOFS[wildcards.spoofing]["subsets"]
            for model in VIEWED[wildcards.spoofing]
            for layer in layers_of(model.name, f"{wildcards.spoofing}@{subset}")
        ]

    return files


def spoof_labels(wildcards):
    return as_json([[model.base or "pixels", model.label] for model in VIEWED[wildcards.spoofing]])


def sample_of_attack(wildcards):
    return f"<results>/samples/{of_model(wildcards)['dataset']}/{ATTACKS[wildcards.attack]['sample']}.csv"


def attack_settings(wildcards):
    keys = ("attack", "norm", "target", "epsilons", "units", "clip", "logits", "steps", "step_size")
    return as_json(pick(ATTACKS[wildcards.attack], *keys) | {"seed": config["seed"]})


def attack_title(wildcards):
    return f"{title_of(ATTACKS[wildcards.attack])}: {MODELS[wildcards.model].label}"


def attacked_diagrams(wildcards):
    """A folder a layer, in order of depth."""
    layers = layers_of(wildcards.model, ATTACKS[wildcards.attack]["sample"])
    return [f"<results>/attacked_diagrams/{wildcards.attack}/{wildcards.model}/{layer}" for layer in layers]


def attacked_dimensions(wildcards):
    """The dimensions of every layer at every strength of an attack, where they are asked for."""
    item = ATTACKS[wildcards.attack]
    return [
        f"<results>/dimensions/{model.name}/{item['sample']}/{layer}.csv"
        for model in ATTACKED[wildcards.attack][wildcards.model]
        if item["dimensions"]
        for layer in layers_of(model.name, item["sample"])
    ]


def code_digests(wildcards):
    """The digest of the code behind every script, with the architectures and loaders that this run uses."""
    digests = {path.name: code(path.name) for path in sorted(SCRIPTS.glob("*.py"))}
    names = {model.settings["architecture"] for model in MODELS.values() if model.kind == "trained"}
    digests |= {
        f"train_model.py, {name}": code("train_model.py", architectures.registry.module_of(name))
        for name in sorted(names)
    }
    loaders = {config["datasets"][name]["loader"] for name in datasets_used()}
    return digests | {
        f"prepare_dataset.py, {name}": code("prepare_dataset.py", datasets.registry.module_of(name))
        for name in sorted(loaders)
    }


def datasets_used():
    named = {model.settings["dataset"] for model in MODELS.values() if model.kind != "activations"}
    return sorted(named | {config["models"][entry]["dataset"] for entry in ARCHIVED})


def external_inputs(wildcards):
    """Every file and folder that this run reads and did not make: assets, sources of data sets, models, activations,
    positions of samples."""
    archives = [asset_path(config["models"][entry]["asset"]) for entry in ARCHIVED]
    files = [model.path for model in MODELS.values() if model.path and model.entry not in ARCHIVED]
    sources = [
        path for name in datasets_used() for path in dataset_paths(name, f"results/{config['run']}/provenance.json")
    ]
    selected = {item["sample"] for kind in (COMPARISONS, DYNAMICS, GENERALIZATION, ATTACKS) for item in kind.values()}
    positions = {SAMPLES[name]["indices"] for name in selected} - {*plan.DRAWS}
    return sorted({*archives, *files, *sources, *positions})


# memory


UNKNOWN_IMAGES = 10_000  # of a sample that takes all images there are
UNKNOWN_WIDTH = 1024  # of a layer: known only once the model is open


def images_of(sample):
    return SAMPLES[sample]["images"] or UNKNOWN_IMAGES


def diagrams_memory(wildcards, attempt):
    return memory_of_sample(wildcards.sample, attempt)


def attacked_diagrams_memory(wildcards, attempt):
    return memory_of_sample(ATTACKS[wildcards.attack]["sample"], attempt)


def memory_of_sample(sample, attempt):
    """Megabytes that the diagrams of one layer will need, by the formula of the engine."""
    n = min(SAMPLES[sample]["points"] or images_of(sample), images_of(sample))
    topology = config["topology"]
    return attempt * (memory.memory_estimate(n, UNKNOWN_WIDTH, topology["max_dim"], topology["engine"]) // 10**6 + 1)


def dimensions_memory(wildcards, attempt):
    return attempt * (memory.dimension_memory_estimate(images_of(wildcards.sample), UNKNOWN_WIDTH) // 10**6 + 1)
