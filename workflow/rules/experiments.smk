# What the rules of the experiments ask for: the models, files and settings of each.


def spread(items, count):
    """At most ``count`` items spread evenly over a list, its first and last among them."""
    items = list(items)
    count = min(count, len(items))
    if count < 2:
        return items[:count]
    return [items[round(k * (len(items) - 1) / (count - 1))] for k in range(count)]


def members(experiment):
    """What an experiment measures, in order."""
    return [unit for entry in experiment["models"] for unit in ENTRIES[entry]]


def tables_of(experiment, units):
    return [f"<results>/tables/{unit.name}/{experiment['sample']}.csv" for unit in units]


def compared(wildcards):
    return members(COMPARISONS[wildcards.comparison])


def labels_of(units):
    """Curves in order, with their labels; a list of pairs keeps the order in JSON."""
    labels = {unit.model.curve: unit.model.label for unit in units}
    return as_json([[curve, label] for curve, label in labels.items()])


def title_of(experiment):
    return experiment["title"] or experiment["name"]


def models_told(wildcards):
    """What the table of accuracies says of each model beside its accuracy."""
    return as_json(
        [
            {
                "model": unit.name,
                "label": unit.model.label + (f", seed {unit.model.seed}" if unit.model.curve != unit.name else ""),
                "dataset": unit.images.dataset,
                "stated_accuracy": unit.model.settings.get("stated_accuracy"),
            }
            for unit in compared(wildcards)
        ]
    )


def histories(wildcards):
    return [path for unit in compared(wildcards) for path in unit.model.history]


def chosen_diagrams(wildcards):
    comparison = COMPARISONS[wildcards.comparison]
    folder = f"<results>/diagrams/{wildcards.model}/{comparison['sample']}"
    layers = layers_of(wildcards.model, comparison["sample"])
    return [f"{folder}/{layer}.h5" for layer in spread(layers, comparison["diagrams"])]


def drawn_diagrams(comparison):
    """The models whose diagrams are drawn: one a curve."""
    first = {unit.model.curve: unit for unit in reversed(members(comparison))}
    return sorted(unit.name for unit in first.values()) if comparison["diagrams"] else []


def depth_figures(comparison):
    """Training curves are drawn where models were trained here, dimensions where they are estimated."""
    trained = any(unit.model.history for unit in members(comparison))
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
    """What a generalisation experiment measures; asking for the models of an archive waits for it to be unpacked."""
    found = []
    for entry in GENERALIZATION[wildcards.generalization]["models"]:
        if entry in ARCHIVED:
            checkpoints.unpack_asset.get(asset=config["models"][entry]["asset"])
            found += units_of_archive(entry).values()
        else:
            found += ENTRIES[entry]
    if GENERALIZATION[wildcards.generalization]["accuracy"] == "stated":
        names_told(wildcards.generalization, found)
    return found


def names_told(experiment, units):
    """What the names of the models' files state: (architecture, test accuracy) of each."""
    try:
        return [plan.stated(unit.model, experiment) for unit in units]
    except InputError as error:
        raise WorkflowError(error)


def general_activations(wildcards):
    """Activations files that hold logits, whose margins are rivals of the descriptors."""
    item = GENERALIZATION[wildcards.generalization]
    units = compared_generally(wildcards)
    if all("logits" in unit.layers(SAMPLES[item["sample"]]) for unit in units):
        return [unit.activations(item["sample"]) for unit in units]
    return []


def general_metrics(wildcards):
    stated = GENERALIZATION[wildcards.generalization]["accuracy"] == "stated"
    return [] if stated else [unit.model.metrics for unit in compared_generally(wildcards)]


def general_listing(wildcards):
    """What the tables say of each model beside what is measured, and where that lies."""
    item, units = GENERALIZATION[wildcards.generalization], compared_generally(wildcards)
    if item["accuracy"] == "stated":
        told = names_told(wildcards.generalization, units)
    else:
        told = [(unit.model.architecture, unit.model.settings["stated_accuracy"]) for unit in units]
    about = [
        {
            "model": unit.name,
            "entry": unit.model.entry,
            "label": unit.model.label,
            "architecture": architecture,
            "seed": unit.model.seed if unit.model.is_made else None,
            "stated_accuracy": accuracy,
            "axes": unit.model.axes,
        }
        for unit, (architecture, accuracy) in zip(units, told, strict=True)
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


def spoof_of(wildcards):
    """The experiment that draws a sample."""
    return next(SPOOFS[name] for name, subsets in SUBSETS.items() if wildcards.sample in subsets)


def spoof_settings(wildcards):
    item = spoof_of(wildcards)
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
    columns = {"run": config["run"], "dataset": data_of(wildcards), "subset": SAMPLES[wildcards.sample]["split"]}
    return as_json(columns | {"representation": model_of(wildcards).name})


def spoof_files(ending):
    """What the comparison of every subset makes in every layer."""

    def files(wildcards):
        return [
            f"<results>/spoofs/{unit.name}/{sample}/{layer}.{ending}"
            for sample, settings in SUBSETS[wildcards.spoofing].items()
            for unit in VIEWED[wildcards.spoofing]
            for layer in unit.layers(settings)
        ]

    return files


def spoof_labels(wildcards):
    return as_json([[unit.model.name, unit.model.label] for unit in VIEWED[wildcards.spoofing]])


def sample_of_attack(wildcards):
    return f"<results>/samples/{data_of(wildcards)}/{ATTACKS[wildcards.attack]['sample']}.csv"


def attack_settings(wildcards):
    keys = ("attack", "norm", "target", "epsilons", "units", "clip", "logits", "steps", "step_size")
    return as_json(pick(ATTACKS[wildcards.attack], *keys) | {"seed": config["seed"]})


def attack_title(wildcards):
    return f"{title_of(ATTACKS[wildcards.attack])}: {model_of(wildcards).label}"


def attacked_diagrams(wildcards):
    """A folder a layer, in order of depth."""
    layers = layers_of(wildcards.model, ATTACKS[wildcards.attack]["sample"])
    return [f"<results>/attacked_diagrams/{wildcards.attack}/{wildcards.model}/{layer}" for layer in layers]


def attacked_dimensions(wildcards):
    """The dimensions of every layer at every strength of an attack, where they are asked for."""
    item = ATTACKS[wildcards.attack]
    return [
        f"<results>/dimensions/{unit.name}/{item['sample']}/{layer}.csv"
        for unit in ATTACKED[wildcards.attack][wildcards.model]
        if item["dimensions"]
        for layer in unit.layers(SAMPLES[item["sample"]])
    ]


def code_digests(wildcards):
    """The digest of the code behind every script, with the architectures and loaders that this run uses."""
    digests = {path.name: code(path.name) for path in sorted(SCRIPTS.glob("*.py"))}
    names = {unit.model.settings["architecture"] for unit in UNITS.values() if unit.model.is_made}
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
    named = {unit.images.dataset for unit in UNITS.values() if unit.has_images}
    return sorted(named | {config["models"][entry]["dataset"] for entry in ARCHIVED})


def external_inputs(wildcards):
    """Every file and folder that this run reads and did not make: assets, sources of data sets, models, activations,
    positions of samples."""
    archives = [asset_path(config["models"][entry]["asset"]) for entry in ARCHIVED]
    files = [path for unit in UNITS.values() for path in unit.brought]
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
