"""Small data sets in the real formats, for tests that read them."""

import io
import tarfile

import numpy as np
from PIL import Image
from scipy.io import savemat

CIFAR10_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def pixels(n, size=32, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=(n, size, size, channels), dtype=np.uint8)


def write_cifar10(folder, each=20):
    """Write the seven files of the binary version, ``each`` images a file; return images and labels of both parts."""
    folder.mkdir(parents=True)
    images, labels = pixels(6 * each), np.arange(6 * each) % 10
    records = [bytes([label]) + image.transpose(2, 0, 1).tobytes() for image, label in zip(images, labels, strict=True)]
    for k, name in enumerate([*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]):
        (folder / name).write_bytes(b"".join(records[k * each : (k + 1) * each]))
    (folder / "batches.meta.txt").write_text("\n".join(CIFAR10_NAMES) + "\n\n")
    (folder / "readme.html").write_text("<p>CIFAR-10</p>")
    return (images[: 5 * each], labels[: 5 * each]), (images[5 * each :], labels[5 * each :])


def pack(folder, archive, prefix):
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=prefix)


def tar_of(archive, name, content):
    """Write an archive with one file of any name."""
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))


def write_svhn(folder, train=60, test=30):
    """Write both MATLAB files; return images and the labels as the source has them (10 is the digit 0)."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for part, n in (("train", train), ("test", test)):
        images, labels = pixels(n, seed=n), np.arange(n) % 10 + 1
        matlab = {"X": np.moveaxis(images, 0, 3), "y": labels.astype(np.uint8)[:, None]}
        savemat(folder / f"{part}_32x32.mat", matlab, do_compression=True)
        made[part] = images, labels
    return made


def write_image(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(np.squeeze(image))).save(path)
    return path


def write_folders(root, classes, each=10, size=12, seed=0):
    """Write ``each`` PNG images a class; return them in the order of classes and names."""
    images = pixels(len(classes) * each, size, seed=seed)
    for k, image in enumerate(images):
        write_image(root / classes[k // each] / f"{k % each:03d}.png", image)
    return images


def write_lcc_fasd(root, train=8, others=4):
    """Write the three parts with images of many sizes."""
    rng = np.random.default_rng(0)
    for part, n in (("training", train), ("development", others), ("evaluation", others)):
        for name in ("real", "spoof"):
            for k in range(n):
                height, width = rng.integers(20, 60, size=2)
                grey = 40 if name == "real" else 200
                write_image(root / f"LCC_FASD_{part}/{name}/{k}.png", np.full((height, width, 3), grey, dtype=np.uint8))
