"""1797 handwritten digits of 8×8 pixels that come inside scikit-learn (UCI optical recognition, test part)."""

import numpy as np

from topodepth.datasets import random_split, register


@register("digits", source=None, shape=(8, 8, 1))
def load(
    source: None = None, *, size: int | None = None, validation: float, test: float, seed: int
) -> tuple[dict, list[str]]:
    """Return the digits, resized bilinearly to ``size`` × ``size`` (8 if None), one channel, 0–255."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    small = (digits.images * (255 / 16)).astype(np.float32)  # the source counts ink from 0 to 16
    shape = (size or 8, size or 8)
    resized = [Image.fromarray(image).resize(shape, Image.Resampling.BILINEAR) for image in small]
    images = np.clip(np.rint(np.stack([np.asarray(image) for image in resized])), 0, 255).astype(np.uint8)[..., None]
    labels = digits.target.astype(np.int64)
    parts = {"train": 0, "validation": validation, "test": test}
    return random_split(images, labels, parts, np.random.default_rng(seed)), [str(name) for name in digits.target_names]
