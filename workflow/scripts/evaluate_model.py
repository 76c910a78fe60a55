"""Measure accuracy and loss of a trained model, whoever trained it, on every split of a data set."""

import argparse

import numpy as np

from topodepth import datasets
from topodepth.errors import InputError
from topodepth.files import texts
from topodepth.jobs.commands import prepare_networks, run
from topodepth.networks import inputs, openers
from topodepth.training import classifiers, training


def main() -> None:
    """Parse, load, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    openers.add_arguments(parser)
    parser.add_argument("--dataset", required=True, help="data set file")
    parser.add_argument("--batch-size", type=int, default=256, help="images a pass")
    parser.add_argument("--out", required=True, help="JSON to make")
    arguments = parser.parse_args()
    prepare_networks(arguments.threads)
    source = openers.source_of(arguments)
    how, _ = openers.registry.get(source.kind)(source).normalisation(arguments.normalisation)
    with datasets.open_dataset(arguments.dataset) as dataset:
        normalise = dataset.normaliser(how)
        classifier, expected, measures = classifiers.registry.get(source.kind)(
            source, lambda: normalise(dataset.images("test")[: arguments.batch_size])
        )
        if classifier.classes != len(dataset.class_names):
            raise InputError(
                f"{arguments.model}: expected {len(dataset.class_names)} classes, as in {arguments.dataset}. "
                f"Received: {classifier.classes}"
            )
        shape = inputs.reshaping(expected, dataset.image_shape, arguments.model)

        def prepared(images: np.ndarray) -> np.ndarray:
            return normalise(images).reshape(len(images), *shape)

        metrics = {
            split: training.evaluate(
                classifier, dataset.images(split), dataset.labels(split), prepared, arguments.batch_size
            )
            for split in datasets.SPLITS
        }
    texts.write_json(arguments.out, metrics | measures())


run(main)
