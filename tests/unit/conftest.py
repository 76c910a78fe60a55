"""What holds for every module of this folder, and the server that several of them fetch from."""

import copy
import sys

import pytest
from drive_server import CONTENT, Fetcher, Server


@pytest.fixture(autouse=True)
def same_numbers(request, monkeypatch):
    """Let a test draw the same numbers from its module's ``RNG``, whatever ran before it in this process."""
    if hasattr(request.module, "RNG"):
        monkeypatch.setattr(request.module, "RNG", copy.deepcopy(request.module.RNG))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with Server(CONTENT) as running:
        yield running


@pytest.fixture
def fetch(server, tmp_path):
    return Fetcher(server, tmp_path / "assets/file.h5")


@pytest.fixture
def plugins_forgotten(monkeypatch):
    """What users' files make known in a test, and the modules that they load, are forgotten after it."""
    from topodepth import architectures, datasets, plugins
    from topodepth.attacks import attacks
    from topodepth.topology import descriptors, dimension

    monkeypatch.setattr(plugins, "_known", {})
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield
    mine = ("topodepth_plugin_", "bars", "helper", "kit")
    users = {name for name in set(sys.modules) - before if name.startswith(mine)}
    for name in users:
        del sys.modules[name]
    for module in (architectures, datasets, attacks, descriptors, dimension):
        entries = module.registry._entries
        for name in [name for name, entry in entries.items() if entry.__module__ in users]:
            del entries[name]
