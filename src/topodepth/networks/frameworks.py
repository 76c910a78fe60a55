"""Which framework an object is of, told by its classes: nothing is imported."""

KERAS = {"keras", "tf_keras"}


def packages_of(model: object) -> set[str]:
    """Return the packages of an object's class and of all classes that this one inherits from."""
    return {base.__module__.partition(".")[0] for base in type(model).__mro__}


def is_keras(model: object) -> bool:
    """Tell whether an object is one of Keras 3 or of the legacy Keras."""
    return bool(packages_of(model) & KERAS)


def is_torch(model: object) -> bool:
    """Tell whether an object is one of PyTorch; a Keras model on PyTorch is one of Keras."""
    return "torch" in packages_of(model) and not is_keras(model)
