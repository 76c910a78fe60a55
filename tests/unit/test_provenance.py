"""The digest of the code behind a result changes with its logic, and with nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from topodepth.errors import InputError
from topodepth.jobs import provenance

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    """A small project with this project's digest: a script, two modules it reaches, one it does not."""
    package = tmp_path / "src/topodepth"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    for name in ("jobs/__init__.py", "jobs/provenance.py", "files/__init__.py", "files/storage.py", "files/kinds.py",
                 "errors.py"):  # fmt: skip
        (package / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "src/topodepth" / name, package / name)
    (package / "near.py").write_text(
        '"""Near."""\n\n\ndef near():\n    from topodepth import far\n    return far.far()\n'
    )
    (package / "far.py").write_text('def far():\n    """Return one."""\n    return 1\n')
    (package / "other.py").write_text("x = 1\n")
    (tmp_path / "script.py").write_text("from topodepth.near import near\n\nnear()\n")
    return tmp_path


def digest(project, *modules):
    command = (
        "import sys; from topodepth.jobs import provenance; print(provenance.code_digest(sys.argv[1], sys.argv[2:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", command, str(project / "script.py"), *modules],
        cwd=project / "src", capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def edit(project, name, old, new):
    path = project / "src/topodepth" / name
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("far.py", '"""Return one."""', '"""Say something else."""'),
        ("far.py", "return 1", "return 1  # the first number"),
        ("far.py", "return 1", "return (\n        1\n    )"),
        ("near.py", '"""Near."""', ""),
        ("other.py", "x = 1", "x = 2"),
    ],
)
def test_comments_docstrings_layout_and_unrelated_modules_do_not_count(project, name, old, new):
    before = digest(project)
    edit(project, name, old, new)
    assert digest(project) == before


def test_logic_counts_in_the_script_and_in_modules_reached_indirectly_and_late(project):
    before = digest(project)
    edit(project, "far.py", "return 1", "return 2")
    changed = digest(project)
    assert changed != before
    (project / "script.py").write_text("from topodepth.near import near\n\nnear(), near()\n")
    assert digest(project) not in (before, changed)


def test_a_module_loaded_by_name_counts_only_when_given(project):
    plain, with_other = digest(project), digest(project, "topodepth.other")
    edit(project, "other.py", "x = 1", "x = 2")
    assert digest(project) == plain
    assert digest(project, "topodepth.other") != with_other


def test_what_a_package_gathers_for_others_does_not_count_and_its_own_logic_does(project):
    package = project / "src/topodepth/rooms"
    package.mkdir()
    (package / "__init__.py").write_text("from topodepth.rooms.large import size\n\nNUMBER = 2\n")
    (package / "large.py").write_text("size = 100\n")
    (package / "small.py").write_text("size = 1\n")
    (project / "script.py").write_text("from topodepth.rooms.small import size\n")
    before = digest(project)
    edit(project, "rooms/large.py", "100", "200")
    assert digest(project) == before
    edit(project, "rooms/__init__.py", "NUMBER = 2", "NUMBER = 3")
    changed = digest(project)
    assert changed != before
    edit(project, "rooms/small.py", "1", "2")
    assert digest(project) not in (before, changed)
    (project / "script.py").write_text("from topodepth.rooms import size\n")
    before = digest(project)
    edit(project, "rooms/large.py", "200", "300")
    assert digest(project) != before


def test_the_place_of_the_project_does_not_count(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(project, elsewhere)
    assert digest(elsewhere) == digest(project)


def test_an_edit_undone_gives_the_old_digest(project):
    before = digest(project)
    edit(project, "far.py", "return 1", "return 2")
    edit(project, "far.py", "return 2", "return 1")
    assert digest(project) == before


def test_the_checksum_of_a_folder_follows_names_and_contents_and_nothing_else(tmp_path):
    (tmp_path / "a/inner").mkdir(parents=True)
    (tmp_path / "a/one.png").write_bytes(b"1")
    (tmp_path / "a/inner/two.png").write_bytes(b"2")
    first = provenance.checksum(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert provenance.checksum(tmp_path / "b") == first
    (tmp_path / "b/inner/two.png").write_bytes(b"3")
    assert provenance.checksum(tmp_path / "b") != first
    (tmp_path / "a/one.png").rename(tmp_path / "a/other.png")
    assert provenance.checksum(tmp_path / "a") != first


def test_the_checksum_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert provenance.checksum(tmp_path / "abc").startswith(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2"
    )
    with pytest.raises(InputError, match="nowhere: no such file"):
        provenance.checksum(tmp_path / "nowhere")


def test_a_record_and_a_place_that_differ_say_in_what():
    here = {"code": {"a.py": "1", "b.py": "2"}, "versions": {"numpy": "2.0"}, "inputs": {"x.h5": "f"}, "lock": "l"}
    record = {"code": {"a.py": "1", "b.py": "3"}, "versions": {"numpy": "2.0", "gone": "1"}, "inputs": {}, "lock": "m"}
    assert provenance.differences(here, here) == []
    assert provenance.differences(record, here) == [
        "code, b.py: 3 recorded, 2 here",
        "versions, gone: 1 recorded, absent here",
        "requirements.lock: m recorded, l here",
    ]
