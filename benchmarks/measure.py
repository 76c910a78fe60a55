"""One measurement, in a process of its own: seconds of one call, and the peak memory of the process.

    python benchmarks/measure.py groups.h0:topodepth '{"n": 1000}'

calls ``topodepth(n=1000)`` of ``groups/h0.py``, which makes the data and returns the call to be timed. Printed is one
JSON object: wall and processor seconds, peak memory, and what the call returned, a number that other tools' results
are compared with.
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent
CALLS, SHORT = 5, 1.0  # a call is repeated, the fastest counts, until this many or this many seconds


@dataclass(frozen=True)
class Case:
    """A piece of work that one tool does.

    Attributes
    ----------
    work
        What is done, the same for all tools that do it; cases of one work are compared.
    tool
        Who does it; ``topodepth`` is what the others are compared with.
    function
        ``groups.module:function``; called with ``arguments`` it returns the call to time.
    n
        Number of points, for plots of growth.
    arguments
        Keyword arguments of the function, JSON values.
    target
        What is to be reached, in words; empty if nothing.
    """

    work: str
    tool: str
    function: str
    n: int
    arguments: dict = field(default_factory=dict)
    target: str = ""


def measured(case: Case, threads: int) -> dict | None:
    """Run a case in a process of its own; None if its tool is not installed or fails, which is told on stderr."""
    environment = os.environ | {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    environment["PYTHONPATH"] = str(FOLDER)
    command = [sys.executable, str(FOLDER / "measure.py"), case.function, json.dumps(case.arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        print(f"{case.work}, {case.tool}: {reason}", file=sys.stderr, flush=True)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def peak_bytes() -> int:
    """Return the largest resident memory so far of this process, or of one it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    try:  # after exec, ru_maxrss of the process itself still holds its parent's
        fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return max(int(fields["VmHWM"].split()[0]), children) << 10
    except OSError:
        return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, children)  # bytes on macOS


def main() -> None:
    """Measure what the command line names."""
    module, name = sys.argv[1].split(":")
    call = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
    seconds, cpu_seconds, spent = [], [], 0.0
    while len(seconds) < CALLS and spent < SHORT:
        wall, processor = time.perf_counter(), sum(os.times()[:4])  # of this process and of those it waited for
        answer = call()
        seconds.append(time.perf_counter() - wall)
        cpu_seconds.append(sum(os.times()[:4]) - processor)
        spent += seconds[-1]
    result = {"seconds": min(seconds), "cpu_seconds": min(cpu_seconds), "peak": peak_bytes(), "answer": answer}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
