"""What is not installed, and the command that installs it. No import but Python's own."""

from collections.abc import Iterator
from contextlib import contextmanager

from topodepth.errors import InputError

# import name of a package: what to install
INSTALLED_BY = {
    **dict.fromkeys(("tensorflow", "keras", "tf_keras", "cleverhans"), "topodepth[tensorflow]"),
    **dict.fromkeys(("onnx", "onnxruntime"), "topodepth[onnx]"),
    **dict.fromkeys(("torch", "safetensors", "foolbox", "eagerpy"), "topodepth[torch]"),
    **dict.fromkeys(("snakemake", "yaml", "jsonschema", "requests", "gdown", "PIL", "ripser"), "topodepth[pipeline]"),
    "sklearn": "scikit-learn",
}


@contextmanager
def one_line() -> Iterator[None]:
    """Turn the error of a package that an extra brings into one line that says which command installs it.

    Raises
    ------
    InputError
        In place of the ``ModuleNotFoundError`` of such a package; any other passes as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in INSTALLED_BY:
            raise
        raise InputError(
            f"this needs the package {package}, which is not installed: pip install '{INSTALLED_BY[package]}'"
        ) from error
