"""Attack the sampled images at every strength and write activations, metrics and a few of the images."""

import argparse
import json

from topodepth import datasets
from topodepth.attacks import keras_victim
from topodepth.attacks.attacks import AttackSettings
from topodepth.attacks.sweep import LabelledImages, write_sweep
from topodepth.files import texts
from topodepth.jobs.commands import prepare_networks, record_of, run, settings
from topodepth.networks import models
from topodepth.networks.normalisation import normalisation
from topodepth.networks.runtime import open_network
from topodepth.training import training


def main() -> None:
    """Parse, load, attack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="the model at strength k is called NAME-k in tables and figures")
    parser.add_argument("--model", required=True, help="Keras file")
    parser.add_argument("--trust", action="store_true", help="run code that the file carries")
    parser.add_argument("--dataset", required=True, help="data set file")
    parser.add_argument("--sample", required=True, help="CSV of the images' positions")
    parser.add_argument("--split", required=True, help="train, validation, test, train+validation")
    parser.add_argument("--normalisation", required=True, help="auto, raw, unit, centred, channel or global")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: fields of AttackSettings")
    parser.add_argument("--layers", type=json.loads, default='"auto"', help='JSON: list of layers, or "auto"')
    parser.add_argument("--batch-size", type=int, default=256, help="images a pass")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs that this job may use; 0: ONNX Runtime, where it can")
    parser.add_argument("--out-folder", required=True, help="folder to make")
    arguments = parser.parse_args()
    attack = record_of(AttackSettings, arguments.settings)
    prepare_networks(arguments.threads)
    training.set_determinism(attack.seed)
    indices = texts.read_indices(arguments.sample)
    how, _ = normalisation(arguments.normalisation, arguments.model, trust=arguments.trust)
    model = models.load_model(arguments.model, trust=arguments.trust)
    network = open_network(
        arguments.model, arguments.layers, scores=True,
        trust=arguments.trust, threads=arguments.threads, gpu=arguments.gpus > 0, model=model,
    )  # fmt: skip
    with datasets.open_dataset(arguments.dataset) as dataset:
        datasets.images_only(dataset, arguments.dataset)
        sample = LabelledImages(
            dataset.images(arguments.split),
            dataset.labels(arguments.split),
            dataset.class_names,
            dataset.normaliser(how),
            indices,
        )
        victim = keras_victim.attacked(model, sample.images.shape[1:], sample.normalise, attack)
        write_sweep(arguments.out_folder, victim, network, sample, name=arguments.name, batch_size=arguments.batch_size)


run(main)
