"""Build one network and train it; a killed job goes on from its last epoch."""

import argparse
import shutil
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
    parser.add_argument("--history", required=True, help="CSV to make: one row an epoch")
    parser.add_argument("--snapshots", required=True, help="folder to make: one Keras file an epoch listed, "
                        "and trajectory.h5 if weights are recorded")  # fmt: skip
    arguments = parser.parse_args()
    prepare_networks(arguments.threads)
    start_keras()
    options, seed = arguments.settings, arguments.settings["seed"]
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
        options["architecture"], input_shape=dataset.image_shape, classes=classes, activation=options["activation"],
        width=options["width"], depth=options["depth"], l2=options["training"]["l2"], seed=seed,
    )  # fmt: skip
    how = TrainingSettings.of(options["training"], architecture=options["architecture"], seed=seed)
    start = arguments.checkpoints + ".random_labels"
    if epochs := options["training"]["random_label_epochs"]:
        images = splits["train"][0]
        random = (images, augmentation.random_labels(len(images), classes, seed))
        first = replace(how, epochs=epochs, augment=None, stopping_patience=epochs, trajectory_every=0)
        # its own images validate it, for the best epoch is the one that fits the random labels best
        training.fit(model, random, random, settings=first, normalise=normalise, checkpoints=start)
    history = training.fit(
        model, splits["train"], splits["validation"], normalise=normalise, checkpoints=arguments.checkpoints,
        settings=how,
        snapshots=options["training"]["snapshots"],
        on_epoch_end=lambda epoch, model, logs: model.save(kept / f"{epoch:04d}.keras"),
    )  # fmt: skip
    metrics = {split: training.evaluate(model, *splits[split], normalise) for split in splits}
    metrics |= {"epochs": len(history["loss"]), "seed": seed, "seconds": sum(history["seconds"])} | complexity(model)
    with storage.atomic_path(arguments.model) as part:
        model.save(part)
    texts.write_json(arguments.metrics, metrics)
    texts.write_table(arguments.history, *training.history_table(history, arguments.name))
    shutil.rmtree(arguments.snapshots, ignore_errors=True)
    if how.trajectory_every:
        shutil.copyfile(Path(arguments.checkpoints, training.TRAJECTORY), kept / training.TRAJECTORY)
    kept.replace(arguments.snapshots)
    for folder in (arguments.checkpoints, start):
        shutil.rmtree(folder, ignore_errors=True)


run(main)
