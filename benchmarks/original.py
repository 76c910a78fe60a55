"""The original's protocol, step by step, as a plain script: what the pipeline is measured against.

Written from the description of the experiments (docs/differences.md), not from the original's code. It does what that
does and what costs time there: one sub-model per layer, all images in one call, FGSM image by image, ripser for H_0.

    python benchmarks/original.py depth --model vgg.keras --images images.npz --mode Topology
    python benchmarks/original.py adversarial --model net.keras --images images.npz --target 8
    python benchmarks/original.py generalization --directory models --images images.npz --homdim 0
"""

import argparse
from pathlib import Path

import numpy as np

SIZES = range(500, 2951, 350)
EPSILONS = [0.005 + 0.01 * k for k in range(10)]


def main() -> None:
    """Parse, run one experiment, print its numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=["depth", "adversarial", "generalization"])
    parser.add_argument("--model", help="Keras file")
    parser.add_argument("--directory", help="folder of Keras files")
    parser.add_argument("--images", required=True, help=".npz with x (n, height, width, channels) float32 and y (n,)")
    parser.add_argument("--layers", type=int, nargs="+", default=[2, 5, 7, 10, 12, 15, 17, 20, 22, -2])
    parser.add_argument("--mode", choices=["Topology", "PHdim"], default="Topology")
    parser.add_argument("--homdim", type=int, default=1)
    parser.add_argument("--target", type=int, default=8)
    arguments = parser.parse_args()
    with np.load(arguments.images) as file:
        x, y = file["x"], file["y"]
    {"depth": depth, "adversarial": adversarial, "generalization": generalization}[arguments.experiment](
        arguments, x, y
    )


def depth(arguments: argparse.Namespace, x: np.ndarray, y: np.ndarray) -> None:
    """Measure one layer after the other: a lifespan sum a class, or one line of log E_0 against log n."""
    model = load(arguments.model)
    for layer in arguments.layers:
        points = activations(model, layer, x)
        if arguments.mode == "Topology":
            scaled = min_max(points)
            sums = [
                [lifespan_sum(scaled[y == label][:250], degree) for degree in range(arguments.homdim + 1)]
                for label in range(9)
            ]
            print(layer, np.mean(sums, axis=0).round(3))
        else:
            rng = np.random.default_rng()
            sums = [lifespan_sum(points[rng.choice(len(points), n, replace=False)], 0) for n in SIZES]
            slope = np.polyfit(np.log(list(SIZES)), np.log(sums), 1)[0]
            print(layer, round(1 / (1 - slope), 3))


def adversarial(arguments: argparse.Namespace, x: np.ndarray, y: np.ndarray) -> None:
    """Attack image by image at every strength, and measure all images as one cloud in every layer."""
    from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
    from sklearn.metrics import f1_score

    model = load(arguments.model)
    target = np.array([arguments.target])
    for epsilon in EPSILONS:
        attacked = np.concatenate(
            [fast_gradient_method(model, image[None], epsilon, np.inf, y=target, targeted=True) for image in x]
        )
        f1 = f1_score(y, model.predict(attacked, verbose=0).argmax(axis=1), average="macro")
        sums = [
            lifespan_sum(min_max(activations(model, layer, attacked)), arguments.homdim) for layer in arguments.layers
        ]
        print(round(epsilon, 3), round(f1, 3), np.round(sums, 3))


def generalization(arguments: argparse.Namespace, x: np.ndarray, y: np.ndarray) -> None:
    """Pass all images through every model, measure the logits of class 1, correlate with the names' accuracy."""
    accuracies, sums = [], []
    for path in sorted(Path(arguments.directory).iterdir()):
        points = min_max(activations(load(path), -2, x))
        sums.append(lifespan_sum(points[y == 1], arguments.homdim))
        accuracies.append(float(path.stem.rpartition("_")[2]))
    print(np.corrcoef(accuracies, sums)[0, 1].round(3))


def load(path: str | Path) -> "keras.Model":  # noqa: F821
    """Open a model."""
    import keras

    return keras.models.load_model(path, compile=False)


def activations(model: "keras.Model", layer: int, x: np.ndarray) -> np.ndarray:  # noqa: F821
    """Return one layer's output, averaged over space, of all images in one call."""
    import keras

    output = keras.Model(model.inputs, model.layers[layer].output)(x, training=False).numpy()
    return output.mean(axis=(1, 2)) if output.ndim == 4 else output


def min_max(points: np.ndarray) -> np.ndarray:
    """Return each feature scaled to [0, 1]."""
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - low) / np.where(high > low, high - low, 1)


def lifespan_sum(points: np.ndarray, degree: int) -> float:
    """Return half the sum of the finite lifespans, from ripser on the matrix of distances."""
    from ripser import ripser
    from scipy.spatial.distance import pdist, squareform

    diagram = ripser(squareform(pdist(points)), maxdim=degree, distance_matrix=True)["dgms"][degree]
    lifespans = diagram[:, 1] - diagram[:, 0]
    return 0.5 * float(lifespans[np.isfinite(lifespans)].sum())


if __name__ == "__main__":
    main()
