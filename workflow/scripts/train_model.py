"""Build one network and train it; a killed job goes on from its last epoch."""

import argparse
from dataclasses import replace
from pathlib import Path

from topodepth import architectures, datasets
from topodepth.files import storage, texts
from topodepth.jobs.commands import prepare_networks, run, settings, start_keras
from topodepth.training import augmentation, training
from topodepth.training.complexity import complexity
from topodepth.training.settings import TrainingSettings


def main() -> None:
    """Parse, build, fit, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="name of the model in tables and figures")
    parser.add_argument("--dataset", required=True, help="data set file")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: what the configuration says of it")
    parser.add_argument("--checkpoints", required=True, help="folder for the state after each epoch")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network")
    parser.add_argument("--model", required=True, help="Keras file to make")
    parser.add_argument("--metrics", required=True, help="JSON to make: accuracy and loss of every split")
    parser.add_argument("--history", required=True, help="CSV to make: one row per epoch")
    parser.add_argument("--snapshots", required=True, help="folder to make: files of the epochs listed, trajectory.h5")
    arguments = parser.parse_args()
    prepare_networks(arguments.threads)
    start_keras()
    options, seed, start = arguments.settings, arguments.settings["seed"], arguments.checkpoints + ".random_labels"
    kept = Path(arguments.checkpoints + ".snapshots")  # beside the checkpoints: a job that goes on finds the early ones
    kept.mkdir(parents=True, exist_ok=True)
    training.set_determinism(seed)
    with datasets.open_dataset(arguments.dataset) as dataset:
        datasets.images_only(dataset, arguments.dataset)
        splits = {split: (dataset.images(split)[:], dataset.labels(split)) for split in datasets.SPLITS}
        normalise = dataset.normaliser(options["normalisation"])
    classes, changes = len(dataset.class_names), {key: options["training"][key] for key in ("images", "label_noise")}
    splits["train"] = augmentation.training_split(splits["train"], classes=classes, seed=seed, **changes)
    model = architectures.build(
        options["architecture"], input_shape=dataset.image_shape, classes=classes, seed=seed,
        l2=options["training"]["l2"], **{key: options[key] for key in ("activation", "width", "depth")},
    )  # fmt: skip
    how = TrainingSettings.of(options["training"], architecture=options["architecture"], seed=seed)
    if epochs := options["training"]["random_label_epochs"]:
        training.fit_random_labels(model, splits["train"][0], classes, settings=replace(how, epochs=epochs),
                                   normalise=normalise, checkpoints=start)  # fmt: skip
    history = training.fit(model, splits["train"], splits["validation"], normalise=normalise, settings=how,
                           checkpoints=arguments.checkpoints, snapshots=options["training"]["snapshots"],
                           on_epoch_end=lambda epoch, model, _: model.save(kept / f"{epoch:04d}.keras"))  # fmt: skip
    metrics = {split: training.evaluate(model, *splits[split], normalise) for split in splits}
    metrics |= {"epochs": len(history["loss"]), "seed": seed, "seconds": sum(history["seconds"])} | complexity(model)
    with storage.atomic_path(arguments.model) as part:
        model.save(part)
    texts.write_json(arguments.metrics, metrics)
    texts.write_table(arguments.history, *training.history_table(history, arguments.name))
    training.finish(kept, arguments.snapshots, [arguments.checkpoints, start], trajectory=bool(how.trajectory_every))


run(main)
