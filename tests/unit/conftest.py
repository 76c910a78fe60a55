"""What holds for every module of this folder, and the server that several of them fetch from."""

import copy

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
