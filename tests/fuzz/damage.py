"""What goes wrong with files: damage to their bytes, to what JSON and YAML say, and to the structure of HDF5."""

import copy
import struct

import h5py
import numpy as np
from hypothesis import strategies as st

BOUNDARIES = [0, 1, 2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1]

TEXTS = [
    "", " ", "a\nb", "a\n", "\0", "\x1b[2J", "é", "日本", "..", "../../up", "/etc/passwd", "/dev/zero", "-1", "--out=x",
    "'; touch PWNED; '", "$(touch PWNED)", "`touch PWNED`", "{wildcards}", "<results>", "a@b", "auto", "null",
    "x" * 300, "x" * 5000, "logits", "%s", "*", "1e999", "nan", "\u202e", "\ud800",
]  # fmt: skip
NUMBERS = [0, 1, -1, 2, 3, 2**31, 2**63, -(2**64), 10**30, 0.5, -0.5, 1e-300, 1e308, float("nan"), float("inf")]


def nested(depth: int, kind: str) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


odd_values = st.one_of(
    st.sampled_from([None, True, False, [], {}, [[]], {"": None}, [None], ["a", "a"], {"a": {"a": 1}}]),
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
    st.lists(st.sampled_from([*TEXTS, *NUMBERS]), max_size=4),
    st.dictionaries(st.sampled_from(TEXTS), st.sampled_from([*TEXTS, *NUMBERS]), max_size=3),
    st.text(max_size=8),
)


@st.composite
def damaged_bytes(draw, contents: list[bytes]) -> bytes:
    """One of some whole files, with one to four places flipped, overwritten, cut, doubled or moved."""
    data = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(1, 4))):
        _damage(draw, data)
    return bytes(data)


def _damage(draw, data: bytearray) -> None:
    # half of all places are where formats keep their headers
    size = max(len(data), 1)
    ends = st.one_of(st.integers(0, min(size, 64) - 1), st.integers(max(size - 128, 0), size - 1))
    place = draw(st.one_of(ends, st.integers(0, size - 1)))
    what = draw(st.sampled_from(["flip", "byte", "number", "cut", "remove", "double", "move", "insert"]))
    length = draw(st.integers(1, 64))
    if what == "flip" and data:
        data[place] ^= 1 << draw(st.integers(0, 7))
    elif what == "byte" and data:
        data[place] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, ord("\n"), ord('"'), ord("/")]))
    elif what == "number":
        number = draw(st.sampled_from(BOUNDARIES))
        form = draw(st.sampled_from(["<H", ">H", "<I", ">I", "<Q", ">Q"]))
        packed = struct.pack(form, number % 2 ** (8 * struct.calcsize(form)))
        data[place : place + len(packed)] = packed
    elif what == "cut":
        del data[place:]
    elif what == "remove":
        del data[place : place + length]
    elif what == "double":
        data[place:place] = data[place : place + length]
    elif what == "move":
        piece = data[place : place + length]
        del data[place : place + length]
        other = draw(st.integers(0, len(data)))
        data[other:other] = piece
    else:
        data[place:place] = draw(st.binary(max_size=8))


def places(value: object, path: tuple = ()) -> list[tuple]:
    """Paths of everything inside a nested value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@st.composite
def damaged_values(draw, values: list, odd: st.SearchStrategy = odd_values) -> object:  # noqa: PLR0912
    """One of some nested values, with one to three of its parts replaced, removed, renamed, swapped or doubled."""
    root = [copy.deepcopy(draw(st.sampled_from(values)))]
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places(root)[1:] or [(0,)]))
        parent = root
        for key in way:
            parent = parent[key]
        what = draw(st.sampled_from(["replace", "replace", "remove", "rename", "swap", "wrap", "add"]))
        if what == "remove" and way:
            del parent[last]
        elif what == "rename" and isinstance(parent, dict):
            name = draw(st.sampled_from([*TEXTS, 0, True, None, 1.5, f"{last}s", str(last).upper()]))
            parent[name] = parent.pop(last)
        elif what == "swap":
            source = root
            for key in draw(st.sampled_from(places(root))):
                source = source[key]
            parent[last] = copy.deepcopy(source)
        elif what == "wrap":
            parent[last] = draw(st.sampled_from([[parent[last]], {"a": parent[last]}, [parent[last]] * 2]))
        elif what == "add" and isinstance(parent[last], dict | list):
            item = copy.deepcopy(draw(odd))
            if isinstance(parent[last], list):
                parent[last].append(item)
            else:
                parent[last][draw(st.sampled_from([*TEXTS, "name", "file", "layers", "config", "class_name"]))] = item
        else:
            parent[last] = copy.deepcopy(draw(odd))  # mutable ones are handed out again
    if draw(st.integers(0, 19)) == 0:  # at the end, since looking into it takes recursion
        *way, last = draw(st.sampled_from(places(root)[1:] or [(0,)]))
        parent = root
        for key in way:
            parent = parent[key]
        parent[last] = nested(draw(st.sampled_from([50, 400, 900, 2000])), draw(st.sampled_from(["list", "map"])))
    return root[0]


def _linked(file: h5py.File, name: str, link: object) -> None:
    if name in file:
        del file[name]
    file[name] = link


def _made(file: h5py.File, name: str, *arguments: object, **options: object) -> None:
    if name in file:
        del file[name]
    file.create_dataset(name, *arguments, **options)


def _virtual(file: h5py.File, name: str, target: str, shape: tuple) -> None:
    if name in file:
        del file[name]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource(target, "secret", shape)
    file.create_virtual_dataset(name, layout)


def _emptied(file: h5py.File, name: str) -> None:
    if name in file:
        del file[name]


SHAPES = [(), (0,), (1,), (3,), (6,), (2, 2), (0, 2), (6, 0), (1, 1), (6, 3, 2), (6, 2, 2, 3), (1, 2, 3, 4, 5)]
HUGE = [(2**40,), (2**62,), (6, 2**40), (2**31, 2**31), (2**33, 2), (6, 2**20, 2**20, 3)]
TYPES = ["u1", "i1", "<i8", ">u2", "<f2", ">f8", "?", "S3", "<c16", "V5"]
TYPES = [*TYPES, [("a", "u1"), ("b", "f4")], ("f4", (2,)), "str", "vlen", "reference", "enum"]
SPECIAL = {
    "str": h5py.string_dtype(),
    "vlen": h5py.vlen_dtype(np.dtype("f4")),
    "reference": h5py.ref_dtype,
    "enum": h5py.enum_dtype({"A": 0, "B": 1}, basetype="u1"),
}
FILLS = [0, 1, -1, 2**31, np.nan, np.inf, 1e308]


def _filled(file: h5py.File, name: str, shape: tuple, kind: object, fill: float) -> None:
    kind = SPECIAL.get(kind, kind) if isinstance(kind, str) else kind
    try:
        values = np.full(shape, fill, "f8")
        with np.errstate(all="ignore"):
            _made(file, name, data=values.astype(kind))
    except (
        AttributeError,
        TypeError,
        ValueError,
        RuntimeError,
        OSError,
    ):  # not every type takes every value; its own emptiness does
        _made(file, name, shape, kind)


LINKS = ["/", "/layers", "/nowhere", ".", "/labels", "/x_train", "/train", "/class_0"]
ATTRIBUTES = ["token", "model", "relative_depth", "layer", "n_points", "class_names", "seed", "version", "format"]
ATTRIBUTES += ["model_config", "keras_version"]
CONTENTS = [
    "a\nb",
    "",
    "x" * 999,
    1.5,
    -1,
    np.nan,
    np.zeros(3),
    np.zeros((100, 100)),
    b"\xff\xfe",
    h5py.Empty("f"),
    True,
]
CONTENTS += ["\x1b[2J", "{}", '{"class_name": "Functional", "config": {}}']
NAMES = ["x", "000_a", "a\nb", "$(touch PWNED)", "logits", "é", "99999999999"]


def damaged_structures(files: list[bytes], target: str, other: str) -> st.SearchStrategy:
    """Which of some whole HDF5 files, and what to do to it: see :func:`apply`.

    ``target`` and ``other`` are files that must stay unread.
    """
    one = st.sampled_from
    changes = st.one_of(
        st.tuples(st.just("delete")),
        st.tuples(st.just("soft"), one(LINKS)),
        st.tuples(st.just("external"), one([other, "/etc/passwd", "/nowhere.h5"])),
        st.tuples(st.just("hard"), one(LINKS)),
        st.tuples(st.just("virtual"), one([other, "."]), one(SHAPES[3:])),
        st.tuples(st.just("elsewhere"), one([target, "/etc/passwd"]), one(SHAPES[3:])),
        st.tuples(st.just("huge"), one(HUGE), one(["u1", "f4", "f8"]), st.booleans()),
        st.tuples(st.just("fill"), one(SHAPES), one(TYPES), one(FILLS)),
        st.tuples(st.just("empty")),
        st.tuples(st.just("group")),
        st.tuples(st.just("attribute"), one(ATTRIBUTES), one(CONTENTS)),
        st.tuples(st.just("rename"), one(NAMES)),
    )
    steps = st.lists(st.tuples(st.integers(0, 10**6), changes), min_size=1, max_size=3)
    return st.tuples(one(range(len(files))), steps)


def apply(path, steps: list[tuple]) -> None:
    """Change an HDF5 file as :func:`damaged_structures` says."""
    with h5py.File(path, "a") as file:
        for number, (what, *rest) in steps:
            names = ["extra"]
            file.visit(names.append)
            name = "/" if what == "attribute" and number % 2 else names[number % len(names)]
            change = CHANGES[what]
            try:
                change(file, name, *rest)
            except (AttributeError, KeyError, ValueError, RuntimeError, OSError, TypeError):
                if name != "/":
                    _emptied(file, name)  # what HDF5 itself will not write, it cannot be given to read


def _attribute(file: h5py.File, name: str, key: str, value: object) -> None:
    file[name].attrs[key] = value


def _huge(file: h5py.File, name: str, shape: tuple, kind: str, packed: bool) -> None:
    chunks = tuple(min(size, 64) for size in shape)
    # growing in every direction: HDF5 then keeps no table of all the chunks that there could be
    _made(file, name, shape, kind, chunks=chunks, maxshape=(None,) * len(shape), compression="gzip" if packed else None)
    file[name][tuple(0 for _ in shape)] = 1  # one chunk is there


CHANGES = {
    "delete": _emptied,
    "soft": lambda file, name, target: _linked(file, name, h5py.SoftLink(target)),
    "external": lambda file, name, target: _linked(file, name, h5py.ExternalLink(target, "/secret")),
    "hard": lambda file, name, target: _linked(file, name, file[target]),
    "virtual": _virtual,
    "elsewhere": lambda file, name, target, shape: _made(file, name, shape, "u1", external=[(target, 0, 100_000)]),
    "huge": _huge,
    "fill": _filled,
    "empty": lambda file, name: _made(file, name, data=h5py.Empty("f4")),
    "group": lambda file, name: (_emptied(file, name), file.create_group(f"{name}/inner")),
    "attribute": _attribute,
    "rename": lambda file, name, new: file.move(name, new),
}
