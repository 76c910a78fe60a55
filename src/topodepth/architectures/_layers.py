"""Layers as the architectures use them: explicitly named, and initialised from one seed."""

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]  # of one image: height, width, channels


class Layers:
    """Makes the layers of one network: each is named, and its seed follows from the network's seed and that name.

    Parameters
    ----------
    seed
        Seed of the network.
    activation
        Name of the network's activation function.
    initializer
        Class name of the Keras initializer of every kernel: ``"HeNormal"``, ``"GlorotUniform"``.
    l2
        Weight of the L2 penalty on convolution kernels; 0 for none.
    """

    def __init__(self, *, seed: int, activation: str, initializer: str, l2: float = 0.0) -> None:
        self.seed = seed
        self.activation = activation
        self.initializer = initializer
        self.l2 = l2

    def seed_of(self, name: str) -> int:
        """Return the seed of the layer ``name``; it does not depend on the order in which layers are made."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{name}".encode()).digest()[:4]) >> 1

    def conv(
        self, name: str, filters: int, size: int, *, strides: int = 1, padding: str = "same", **options: Any
    ) -> "keras.Layer":
        """Return a square convolution; ``options`` go to Keras, ``l2=0`` leaves the penalty out."""
        import keras

        l2 = options.pop("l2", self.l2)
        return keras.layers.Conv2D(
            filters,
            size,
            strides=strides,
            padding=padding,
            kernel_initializer=self._kernel_initializer(name),
            kernel_regularizer=keras.regularizers.L2(l2) if l2 else None,
            name=name,
            **options,
        )

    def depthwise(self, name: str, size: int, *, strides: int = 1) -> "keras.Layer":
        """Return a depthwise convolution: one kernel a channel."""
        import keras

        return keras.layers.DepthwiseConv2D(
            size,
            strides=strides,
            padding="same",
            depthwise_initializer=self._kernel_initializer(name),
            depthwise_regularizer=keras.regularizers.L2(self.l2) if self.l2 else None,
            name=name,
        )

    def dense(self, name: str, units: int, activation: str | None = None) -> "keras.Layer":
        """Return a fully connected layer."""
        import keras

        initializer = self._kernel_initializer(name)
        return keras.layers.Dense(units, activation=activation, kernel_initializer=initializer, name=name)

    def norm(self, name: str) -> "keras.Layer":
        """Return a batch normalisation.

        Its running mean follows ten times faster than Keras' default, which lags hundreds of steps behind the weights:
        on a small data set that is many epochs, and the validation loss would steer training by stale statistics.
        """
        import keras

        return keras.layers.BatchNormalization(momentum=0.9, name=name)

    def act(self, name: str) -> "keras.Layer":
        """Return the network's activation function as a layer."""
        import keras

        return keras.layers.Activation(self.activation, name=name)

    def pool(self, name: str, size: int = 2) -> "keras.Layer":
        """Return a max pooling; ``same`` padding, so that it never runs out of pixels."""
        import keras

        return keras.layers.MaxPooling2D(size, padding="same", name=name)

    def dropout(self, name: str, rate: float) -> "keras.Layer":
        """Return a dropout."""
        import keras

        return keras.layers.Dropout(rate, seed=self.seed_of(name), name=name)

    def softmax(self) -> "keras.Layer":
        """Return the layer that turns logits into probabilities."""
        import keras

        return keras.layers.Activation("softmax", name="probabilities")

    def _kernel_initializer(self, name: str) -> "keras.initializers.Initializer":
        import keras

        return getattr(keras.initializers, self.initializer)(seed=self.seed_of(name))
