"""Snakemake's command line, loaded once and forked for each call: to load it costs as much as a small plan.

As a program it reads calls from standard input, one line of JSON each, and answers each with its exit code.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path


def snakemake(folder, *arguments, timeout=1800):
    """Run the command in a folder as the console script does; its exit code and what it said."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "SNAKEMAKE_PROFILE")}
    server = _server()
    with tempfile.TemporaryDirectory() as said:
        paths = [Path(said) / name for name in ("stdout", "stderr")]
        call = [list(map(str, arguments)), str(folder), environment, list(map(str, paths)), timeout]
        print(json.dumps(call), file=server.stdin, flush=True)
        code = int(server.stdout.readline())
        return subprocess.CompletedProcess(call[0], code, *(path.read_text() for path in paths))


@cache
def _server():
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.Popen(
        [sys.executable, "-P", __file__], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def serve():
    """Answer calls; each has a process of its own, in which nothing of this project was loaded before."""
    import jsonschema  # noqa: F401 (every plan needs both)
    import smart_open  # noqa: F401
    from snakemake import cli

    cli.get_argument_parser()  # loads the plugins
    gc.freeze()
    for line in sys.stdin:
        arguments, folder, environment, said, timeout = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            for number, path in enumerate((os.devnull, *said)):
                os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
            signal.alarm(timeout)  # which ends it
            sys.argv = ["snakemake", *arguments]
            sys.exit(cli.main())
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
