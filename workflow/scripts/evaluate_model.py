"""Measure accuracy and loss of a trained model, whoever trained it, on every split of a data set."""

import argparse

from topodepth import datasets
from topodepth.errors import InputError
from topodepth.files import texts
from topodepth.jobs.commands import prepare_networks, run, start_keras
from topodepth.networks import inputs
from topodepth.networks.normalisation import normalisation
from topodepth.networks.onnx_file import is_onnx
from topodepth.training import training
from topodepth.training.evaluation import open_classifier


def main() -> None:
    """Parse, load, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="model file, of Keras or ONNX")
    parser.add_argument("--layout", default="auto", help="auto, channels_first or channels_last, of an ONNX file")
    parser.add_argument("--dataset", required=True, help="data set file")
    parser.add_argument("--normalisation", required=True, help="auto, raw, unit, centred, channel, global, or JSON")
    parser.add_argument("--batch-size", type=int, default=256, help="images a pass")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network")
    parser.add_argument("--trust", action="store_true", help="open the model although it carries code")
    parser.add_argument("--out", required=True, help="JSON to make")
    arguments = parser.parse_args()
    prepare_networks(arguments.threads)
    if not arguments.trust and not is_onnx(arguments.model):  # code of a file may want all of Keras
        start_keras()
    how, _ = normalisation(arguments.normalisation, arguments.model, trust=arguments.trust)
    classifier, expected, measures = open_classifier(
        arguments.model, trust=arguments.trust, threads=arguments.threads, layout=arguments.layout
    )
    with datasets.open_dataset(arguments.dataset) as dataset:
        shape = inputs.reshaping(expected, dataset.image_shape, arguments.model)
        if classifier.classes != len(dataset.class_names):
            raise InputError(
                f"{arguments.model}: expected {len(dataset.class_names)} classes, as in {arguments.dataset}. "
                f"Received: {classifier.classes}"
            )
        normalise = dataset.normaliser(how)
        metrics = {
            split: training.evaluate(
                classifier,
                dataset.images(split),
                dataset.labels(split),
                lambda images: normalise(images).reshape(len(images), *shape),
                arguments.batch_size,
            )
            for split in datasets.SPLITS
        }
    texts.write_json(arguments.out, metrics | measures())


run(main)
