"""Where panels stand."""


def cells(count: int, per_row: int) -> tuple[int, int]:
    """Return the rows and columns of a grid for ``count`` panels, its last row as full as it can be."""
    rows = -(-count // per_row)
    return rows, -(-count // rows)
