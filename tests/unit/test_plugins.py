"""A user's file is known by its source, runs when it is used, and tells its own mistakes in one line."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from topodepth import architectures, datasets, plugins
from topodepth.errors import InputError
from topodepth.jobs import digests, reach
from topodepth.plan import configuration
from topodepth.tables.dimensions import DimensionSettings, dimension_rows
from topodepth.tables.values import values_of
from topodepth.topology import descriptors, dimension
from topodepth.topology.diagrams import Diagrams
from topodepth.topology.place import Place

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("plugins_forgotten")
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
LAYER = Diagrams({"all": [np.array([[0.0, 1.0], [0.0, 3.0]])]}, attributes={"model": "net", "layer": "conv1"})
DESCRIPTOR = """
from topodepth.topology.descriptors import register


@register({name!r})
def described(diagram):
    return {value}
"""


@pytest.fixture
def write(tmp_path):
    """Write a file of the user's."""

    def make(text, name="mine.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return make


@pytest.fixture
def brought(write):
    """Write a file of the user's and make it known."""

    def make(text, name="mine.py"):
        path = write(text, name)
        plugins.use([path])
        return path

    return make


def value(name, **options):
    return next(values_of(LAYER, [name], {name: options})).data["all"]


def test_names_are_known_and_nothing_runs_before_one_is_used(brought):
    brought(DESCRIPTOR.format(name="bars", value="2 * len(diagram)") + "\nprint('it ran')\n")
    assert "bars" in descriptors.registry.names()
    assert "bars" not in dimension.registry.names()
    assert "topodepth_plugin_mine" not in sys.modules
    with pytest.raises(InputError, match=r"unknown descriptor 'bard'. Did you mean 'bars'\? Known: bars, betti_peak"):
        descriptors.registry.get("bard")
    assert "topodepth_plugin_mine" not in sys.modules
    assert value("bars") == 4.0


def test_a_file_runs_once(brought, capsys):
    brought(DESCRIPTOR.format(name="bars", value="1.0") + "\nprint('it ran')\n")
    assert value("bars") == value("bars") == 1.0
    assert capsys.readouterr().out == "it ran\n"


@pytest.mark.parametrize(
    ("imports", "decorator"),
    [
        ("from topodepth.topology.descriptors import register as known_as", "known_as"),
        ("from topodepth.topology import descriptors", "descriptors.register"),
        ("from topodepth.topology.descriptors import registry", "registry.register"),
        ("import topodepth.topology.descriptors", "topodepth.topology.descriptors.register"),
        ("import topodepth.topology.descriptors as d", "d.register"),
    ],
)
def test_every_way_to_import_register_is_understood(brought, imports, decorator):
    brought(f"{imports}\n\n\n@{decorator}('bars')\ndef bars(diagram):\n    return 3\n")
    assert value("bars") == 3.0


def test_one_file_may_register_several_kinds_and_decorators_of_others_are_passed_over(brought):
    brought(
        "from functools import singledispatch\nfrom topodepth.topology import descriptors, dimension\n\n\n"
        "@singledispatch\ndef other(x):\n    return x\n\n\n@other.register(int)\ndef _(x):\n    return x\n\n\n"
        "@descriptors.register('bars')\ndef bars(diagram):\n    return 1\n\n\n"
        "@dimension.register('flat')\ndef flat(points, *, seed, kept):\n"
        "    return dimension.DimensionEstimate(2.0, 1.0, 3.0, len(points), '')\n"
    )
    assert value("bars") == 1.0
    assert dimension.registry.get("flat")(np.zeros((5, 2)), seed=0, kept=None).value == 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(:\n", r"mine.py, line 1: SyntaxError: "),
        ("x = 1\n", r'mine.py: registers nothing. Expected @register\("name"\)'),
        (
            DESCRIPTOR.format(name="a$b", value=1),
            r"mine.py, line 5: @register: expected a name in quotes.*Received: 'a",
        ),
        (DESCRIPTOR.replace("{name!r}", "NAME"), r"line 5: @register: expected a name in quotes.*Received: NAME"),
        (
            DESCRIPTOR.format(name="bars", value=1).replace("topology.descriptors", "plan.kinds"),
            r"line 5: @register expected of topodepth.topology.descriptors, .*Received: that of topodepth.plan.kinds",
        ),
        (
            DESCRIPTOR.format(name="mine", value=1).replace("topology.descriptors", "datasets"),
            r"line 5: @register\('mine'\) expected source=…. Missing: source",
        ),
        (
            DESCRIPTOR.format(name="mine", value=1).replace("topology.descriptors", "architectures"),
            r"expected layers=…, activation=….*Missing: layers, activation, width, l2, optimizer",
        ),
    ],
)
def test_a_file_that_cannot_be_one_is_refused_with_the_line(write, text, message):
    with pytest.raises(InputError, match=message):
        plugins.use([write(text)])


def test_a_file_that_is_missing_or_in_another_encoding_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a Python file that is there, seen from .*Received: .*gone.py"):
        plugins.use([tmp_path / "gone.py"])
    (tmp_path / "latin.py").write_bytes("x = 'ä'\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin.py: expected Python in UTF-8"):
        plugins.use([tmp_path / "latin.py"])


def test_a_name_that_is_built_in_or_in_another_plugin_is_refused_with_both_places(brought):
    first = brought(DESCRIPTOR.format(name="bars", value=1), "first.py")
    second = brought(DESCRIPTOR.format(name="bars", value=1), "second.py")
    both = rf"'bars' is registered twice: in {re.escape(str(first))} and {re.escape(str(second))}."
    with pytest.raises(InputError, match=both):
        descriptors.registry.get("bars")
    plugins._known.clear()
    brought(DESCRIPTOR.format(name="longest_bar", value=1), "third.py")
    with pytest.raises(InputError, match=r"twice: in topodepth.topology.descriptors and .*third.py"):
        descriptors.registry.names()


def test_files_that_python_could_not_tell_apart_are_refused(brought):
    brought(DESCRIPTOR.format(name="one", value=1), "a/mine.py")
    with pytest.raises(InputError, match=r"expected plugins whose names differ. Received: .*a/mine.py and .*b/mine.py"):
        brought(DESCRIPTOR.format(name="two", value=1), "b/mine.py")


def test_imported_files_that_python_could_not_tell_apart_are_refused(write, brought):
    for folder in "ab":
        write("x = 1\n", f"{folder}/helper.py")
    brought("import helper\n" + DESCRIPTOR.format(name="one", value=1), "a/first.py")
    with pytest.raises(InputError, match=r"imported files whose names differ. Received: .*a/helper.py and .*b/helper"):
        brought("import helper\n" + DESCRIPTOR.format(name="two", value=1), "b/second.py")


def test_files_of_its_folder_are_imported_at_once_and_late_but_none_in_place_of_an_installed_one(write, brought):
    write("SEVEN = 7\n", "helper.py")
    write("", "kit/__init__.py")
    write("def eight():\n    return 8\n", "kit/inner.py")
    write("raise RuntimeError('this hides the json of Python')\n", "json.py")
    late = "(__import__('importlib').import_module('kit.inner').eight() + SEVEN + len(json.dumps([])))"
    brought("import json\nfrom helper import SEVEN\n" + DESCRIPTOR.format(name="bars", value=late))
    assert value("bars") == 17.0


def test_a_plugin_that_another_one_imports_is_one_module(brought):
    brought(DESCRIPTOR.format(name="bars", value="len(diagram)"), "bars.py")
    brought("import bars\n" + DESCRIPTOR.format(name="twice", value="2 * bars.described(diagram)"), "second.py")
    assert value("bars") == 2.0
    assert value("twice") == 4.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_this_name\n", r"plugin .*mine.py, line 1: ModuleNotFoundError: No module named 'nothing"),
        ("x = 1 / 0\n", r"plugin .*mine.py, line 1: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", r"plugin .*mine.py, line 2: SystemExit: 3"),
        ("from . import helper\n", r"plugin .*mine.py, line 1: ImportError: attempted relative import"),
        ("import helper\n", r"plugin .*helper.py, line 2: NameError: name 'nobody' is not defined"),
    ],
)
def test_an_error_while_a_file_runs_is_one_line_with_file_and_line(write, brought, text, message):
    write("x = 1\nnobody\n", "helper.py")
    brought(text + DESCRIPTOR.format(name="bars", value=1))
    for _ in range(2):  # a failed one is not taken for a loaded one
        with pytest.raises(InputError, match=message):
            descriptors.registry.get("bars")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("len(diagram) / 0", r"descriptor 'bars' of plugin .*mine.py, line 7: ZeroDivisionError: division by zero$"),
        ("[][len(diagram)]", r"descriptor 'bars' of plugin .*mine.py, line 7: IndexError"),
        ("None", r"descriptor 'bars': expected to return a number. Received: None.$"),
        ("diagram", r"descriptor 'bars': expected to return a number. Received: array"),
    ],
)
def test_what_goes_wrong_in_a_descriptor_names_it_and_the_model_and_layer(brought, result, message):
    brought(DESCRIPTOR.format(name="bars", value=result))
    with pytest.raises(InputError, match=rf"^model net, layer conv1: {message}"):
        value("bars")


ESTIMATOR = (
    "from topodepth.topology.dimension import register\n\n\n@register('flat')\ndef flat(points, *, seed, kept):\n"
)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("points @ points", r"estimator 'flat' of plugin .*mine.py, line 6: ValueError: matmul"),
        ("2.0", r"estimator 'flat': expected to return a DimensionEstimate. Received: 2.0."),
    ],
)
def test_what_goes_wrong_in_an_estimator_names_it_and_the_model_and_layer(brought, result, message):
    brought(f"{ESTIMATOR}    return {result}\n")
    place, points = Place("net", "conv1", 0, 1.0), np.random.default_rng(0).normal(size=(60, 3))
    with pytest.raises(InputError, match=rf"^{place}: (dimension )?{message}"):
        dimension_rows(points, place, DimensionSettings(["flat"]))


def test_what_goes_wrong_in_the_others_names_them(brought):
    brought(
        "from topodepth import architectures, datasets\n\n\n"
        "def taps(depth):\n    raise KeyError(depth)\n\n\n"
        "@architectures.register('deep', layers=taps, depth=3, activation='relu', width=1, l2=0.0, optimizer='adam')\n"
        "def build(**settings):\n    return None\n\n\n"
        "@datasets.register('stripes', source=None)\ndef load(source, *, size, validation, test, seed):\n    return 1\n"
    )
    with pytest.raises(InputError, match=r"`layers` of architecture 'deep' of plugin .*mine.py, line 5: KeyError: 3"):
        architectures.layers("deep")
    settings = {"size": None, "validation": 0.1, "test": 0.1, "seed": 0}
    with pytest.raises(InputError, match=r"loader stripes: expected to return \({split: .*Received: 1"):
        datasets.load("stripes", None, settings)


def test_a_name_that_is_never_reached_is_told(brought):
    brought("if False:\n" + "\n".join("    " + line for line in DESCRIPTOR.format(name="bars", value=1).splitlines()))
    with pytest.raises(InputError, match=r"@register\('bars'\) expected to be reached"):
        descriptors.registry.get("bars")


SCRIPT = ROOT / "workflow/scripts/describe_model.py"
HELPED = "import helper\n" + DESCRIPTOR.format(name="bars", value="helper.SEVEN")


def test_the_digest_follows_the_logic_of_the_file_and_of_those_it_imports(write, monkeypatch):
    def digest(folder, text=HELPED, helper="SEVEN = 7\n", other="x = 1\n"):
        """The digest of a job that uses its entry, of files in a folder of their own."""
        monkeypatch.setattr(plugins, "_known", {})
        write(helper, f"{folder}/helper.py")
        write(other, f"{folder}/other.py")
        plugins.use([write(text, f"{folder}/mine.py")])
        return digests.digest(SCRIPT, descriptors.registry.users(["bars"]))

    first = digest("a")
    assert first.startswith(digests.digest(SCRIPT) + "+")
    told = '"""A docstring."""\n\n# and a comment\n' + HELPED.replace("return ", "return  ")
    assert digest("b", told, "SEVEN = 7  # as ever\n", other="x = 2\n") == first
    helped, changed = digest("c", helper="SEVEN = 8\n"), digest("d", HELPED.replace("SEVEN", "SEVEN + 1"))
    assert len({first, helped, changed}) == 3


def test_a_job_with_an_estimator_of_a_plugin_depends_on_the_built_in_ones_beside_it(brought):
    brought(f"{ESTIMATOR}    return 2\n")
    modules = dimension.registry.users(["flat", "mle"])
    given = [name if name.startswith("topodepth.") else f"topodepth.topology.dimension.{name}" for name in modules]
    found = {name for _, name in reach.reached(ROOT / "workflow/scripts/estimate_dimensions.py", given)}
    assert "mle_dimension" in found
    script = ROOT / "workflow/scripts/estimate_dimensions.py"
    assert digests.digest(script, modules).startswith(digests.provenance.code_digest(script, given) + "+")


def test_a_job_with_an_architecture_of_a_plugin_depends_on_it_and_on_no_built_in_one(brought):
    layers = "layers=['logits'], activation='relu', width=1, l2=0.0, optimizer='adam'"
    build = f"\n\n\n@register('mine', {layers})\ndef build(**settings):\n    return None\n"
    brought("from topodepth.architectures import register" + build)
    module = architectures.registry.module_of("mine")
    script = ROOT / "workflow/scripts/train_model.py"
    library, _, own = digests.digest(script, [module]).partition("+")
    assert own
    assert library not in (digests.digest(script), digests.digest(script, ["topodepth.architectures.vgg"]))
    found = reach.reached(script, [f"topodepth.architectures.{module}"])
    built_in = architectures.registry.module_of("vgg")
    assert (built_in, "build") in reach.reached(script)
    assert (built_in, "build") not in found


def test_what_makes_plugins_known_brings_no_room_into_a_job():
    """Every job knows them; a job of tables must not depend on attacks, say, by their names alone."""
    found = {name for name, _ in reach.reached(SCRIPT)}
    assert {"topodepth.plugins", "topodepth.topology.descriptors"} <= found
    assert not {name for name in found if name.split(".")[1:2] in (["attacks"], ["architectures"], ["datasets"])}


def test_jobs_that_use_no_entry_of_a_file_do_not_depend_on_it(brought):
    brought(DESCRIPTOR.format(name="bars", value=1))
    assert descriptors.registry.users(["lifespan_sum", "longest_bar"]) == []
    both = ["topodepth.topology.descriptors", "topodepth_plugin_mine"]
    assert descriptors.registry.users(["lifespan_sum", "bars"]) == both


def test_entries_of_a_plan_are_those_that_plugins_may_add_to():
    assert {registry.module for registry in configuration.REGISTRIES.values()} == set(plugins.KINDS)


# in a configuration

MEDIAN = """
from topodepth.topology.descriptors import register


@register("median_bar")
def median_bar(diagram, least=0.0):
    return 1.0
"""


def completed(changes):
    config = {
        "datasets": {}, "models": {}, "samples": {"default": {}}, "experiments": {}, **changes,
    }  # fmt: skip
    return configuration.complete(config, SCHEMA)


@pytest.mark.parametrize("trust", [{}, {"trust": False}, None])
def test_without_trust_a_plugin_is_refused_in_a_line_that_says_what_trust_means(write, trust):
    path = str(write(DESCRIPTOR.format(name="bars", value=1)))
    item = path if trust is None else {"file": path, **trust}
    with pytest.raises(InputError) as told:
        completed({"plugins": [item]})
    for words in ("config key 'plugins.0'", "would run with your rights", "trust: true}", path):
        assert words in str(told.value)
    assert "bars" not in descriptors.registry.names()


def test_a_trusted_plugins_names_are_selected_with_parameters_and_misspelt_ones_are_told(write):
    brought = {"plugins": [{"file": str(write(MEDIAN)), "trust": True}]}
    given = {"descriptors": ["median_bar"], "parameters": {"median_bar": {"least": 0.1}}}
    assert completed(brought | {"topology": given})["topology"]["parameters"] == {"median_bar": {"least": 0.1}}
    with pytest.raises(InputError, match=r"unknown descriptor 'median_bat'. Did you mean 'median_bar'\?"):
        completed(brought | {"topology": {"descriptors": ["median_bat"]}})
    for parameters, message in (
        ({"median_bar": {"lest": 1}}, r"'topology.parameters.median_bar': unknown parameter 'lest'. Did you.*'least'"),
        ({"lifespan_sum": {"alpha": 1}}, r"unknown selected descriptor 'lifespan_sum'"),
        ({"median_bar": 3}, r"expected a map"),
    ):
        with pytest.raises(InputError, match=message):
            completed(brought | {"topology": given | {"parameters": parameters}})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ph_dimension": {"draws": 3}}, r"'dimension.parameters.ph_dimension': expected as `dimension.draws`"),
        ({"mle": {"seed": 3}}, r"unknown parameter 'seed'. Known: neighbours"),
        ({"mle": {"neighbors": 3}}, r"unknown parameter 'neighbors'. Did you mean 'neighbours'\?"),
    ],
)
def test_parameters_of_built_in_estimators_are_checked(parameters, message):
    with pytest.raises(InputError, match=message):
        completed({"dimension": {"parameters": parameters}})
    given = {"mle": {"neighbours": 10}, "two_nn": {"discard": 0}}
    assert completed({"dimension": {"parameters": given}})["dimension"]["parameters"] == given


def test_a_name_taken_already_is_refused_whatever_is_selected(write):
    path = write("from topodepth.attacks.attacks import register\n\n\n@register('fgsm')\ndef mine(*x):\n    return 1\n")
    with pytest.raises(InputError, match=r"attack 'fgsm' is registered twice: in topodepth.attacks.attacks and .*mine"):
        completed({"plugins": [{"file": str(path), "trust": True}]})
