"""Pass the sampled images through a model once and write the activations of all tapped layers."""

import argparse
import json
from dataclasses import replace

from topodepth import datasets
from topodepth.activations import extraction
from topodepth.files import texts
from topodepth.jobs.commands import log, prepare_networks, run
from topodepth.networks import openers

EXAMPLE = 8  # images, for a network that has to see some to know its layers


def main() -> None:
    """Parse, load, extract."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="name of the model in tables and figures")
    openers.add_arguments(parser)
    parser.add_argument("--dataset", required=True, help="data set file")
    parser.add_argument("--own-dataset", help="data set by whose pixels the input is normalised; --dataset if left out")
    parser.add_argument("--sample", required=True, help="CSV of the images' positions")
    parser.add_argument("--split", required=True, help="train, validation, test, train+validation")
    parser.add_argument("--stated-accuracy", type=float, help="test accuracy that its makers state, to warn of less")
    parser.add_argument("--layers", type=json.loads, default='"auto"', help='JSON list of layers, or "auto"')
    parser.add_argument("--batch-size", type=int, help="images a pass; by their size if left out")
    parser.add_argument("--out", required=True, help="HDF5 file to make")
    arguments = parser.parse_args()
    prepare_networks(1)  # TensorFlow's own threads may change the last bits; ONNX Runtime's part the images
    indices = texts.read_indices(arguments.sample)
    source = openers.source_of(arguments)
    opener = openers.registry.get(source.kind)(source)
    how, why = opener.normalisation(arguments.normalisation)
    log.info("%s: normalisation %s%s", arguments.model, how, f", for it {why}" if why else "")
    own = arguments.own_dataset in (None, arguments.dataset)  # classes of other data are not the network's
    with datasets.open_dataset(arguments.own_dataset or arguments.dataset) as trained_on:
        normalise = trained_on.normaliser(how)
    with datasets.open_dataset(arguments.dataset) as dataset:
        images = dataset.images(arguments.split)
        network = opener.network(
            arguments.layers, lambda: normalise(datasets.take(images, indices[:EXAMPLE])), scores=own
        )
        network = replace(network, name=arguments.model)  # messages name the file
        accuracy = extraction.write_activations(
            network, images, batch_size=arguments.batch_size, out=arguments.out,
            labels=dataset.labels(arguments.split), indices=indices, normalise=normalise,
            attributes={"model": arguments.name}, classes=len(dataset.class_names) if own else None,
        )  # fmt: skip
    log.info("%s: %d points", arguments.out, len(indices))
    if accuracy is not None:
        accuracy.tell(arguments.name, arguments.stated_accuracy)


run(main)
