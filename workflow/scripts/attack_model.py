"""Attack the sampled images at every strength and write activations, metrics and a few of the images."""

import argparse
import json

from topodepth import datasets
from topodepth.attacks import victims
from topodepth.attacks.attacks import AttackSettings
from topodepth.attacks.sweep import LabelledImages, write_sweep
from topodepth.files import texts
from topodepth.jobs.commands import prepare_networks, record_of, run, settings
from topodepth.networks import openers


def main() -> None:
    """Parse, load, attack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="the model at strength k is called NAME-k in tables and figures")
    openers.add_arguments(parser)
    parser.add_argument("--dataset", required=True, help="data set file")
    parser.add_argument("--sample", required=True, help="CSV of the images' positions")
    parser.add_argument("--split", required=True, help="train, validation, test, train+validation")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: fields of AttackSettings")
    parser.add_argument("--layers", type=json.loads, default='"auto"', help='JSON: list of layers, or "auto"')
    parser.add_argument("--batch-size", type=int, default=256, help="images a pass")
    parser.add_argument("--out-folder", required=True, help="folder to make")
    arguments = parser.parse_args()
    attack = record_of(AttackSettings, arguments.settings)
    prepare_networks(arguments.threads)
    indices, source = texts.read_indices(arguments.sample), openers.source_of(arguments)
    how, _ = openers.registry.get(source.kind)(source).normalisation(arguments.normalisation)
    with datasets.open_dataset(arguments.dataset) as dataset:
        datasets.images_only(dataset, arguments.dataset)
        sample = LabelledImages(
            dataset.images(arguments.split),
            dataset.labels(arguments.split),
            dataset.class_names,
            dataset.normaliser(how),
            indices,
        )
        victim, network = victims.registry.get(source.kind)(source, arguments.layers, sample, attack)
        write_sweep(arguments.out_folder, victim, network, sample, name=arguments.name, batch_size=arguments.batch_size)


run(main)
