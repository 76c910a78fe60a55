"""What holds for every module of this folder."""

import copy

import pytest


@pytest.fixture(autouse=True)
def same_numbers(request, monkeypatch):
    """Let a test draw the same numbers from its module's ``RNG``, whatever ran before it in this process."""
    if hasattr(request.module, "RNG"):
        monkeypatch.setattr(request.module, "RNG", copy.deepcopy(request.module.RNG))
