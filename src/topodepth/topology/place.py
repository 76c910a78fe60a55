"""Which layer of which model a cloud of points is of."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Place:
    """A layer of a model, as results name it: part of a message as a text, of a file or a table as columns.

    Attributes
    ----------
    model, layer
        Their names.
    layer_index
        Place of the layer in order of depth, from 0.
    relative_depth
        0 for the data themselves, 1 for the last layer.
    """

    model: str
    layer: str
    layer_index: int
    relative_depth: float

    def __str__(self) -> str:
        return f"model {self.model}, layer {self.layer}"

    @property
    def columns(self) -> dict[str, object]:
        """The attributes by name."""
        return asdict(self)
