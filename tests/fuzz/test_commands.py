"""A user's mistake ends a command in one line; only a mistake of ours shows where in the program it happened."""

import subprocess
import sys

import pytest

PROGRAM = """
from topodepth.jobs import commands
from topodepth.errors import InputError

def main():
    {statement}

commands.run(main)
"""


def run(statement):
    program = PROGRAM.format(statement=statement)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("raise InputError('a: expected b.\\n Received:\\x1b[2J c')", "error: a: expected b. Received:\\x1b[2J c"),
        ("open('/nowhere/at/all')", "error: [Errno 2] No such file or directory: '/nowhere/at/all'"),
        ("raise MemoryError", "error: MemoryError"),
        ("bytearray(1 << 62)", "error: MemoryError"),
        ("raise OSError('')", "error: OSError"),
    ],
)
def test_a_mistake_a_full_disk_and_too_little_memory_are_one_line(statement, line):
    done = run(statement)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{line}\n")


@pytest.mark.parametrize("statement", ["raise KeyError('model')", "1 / 0", "assert False", "raise ValueError('ours')"])
def test_a_mistake_of_ours_keeps_its_traceback(statement):
    done = run(statement)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "in main" in done.stderr
