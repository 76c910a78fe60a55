"""When the jobs of a run began and ended, from Snakemake's own record; what they waited for, and what they cost.

Snakemake (9.27) keeps a JSON file for each output in ``.snakemake/metadata``; the file's name is the output's path in
base64, cut into folders where it is long. A job is one rule and one log: its start is noted for each of its outputs.
"""

import ast
import base64
import binascii
import json
import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from topodepth.errors import InputError

PAUSE = 60.0  # s in which nothing ran: what was before is of an earlier run


class Job(NamedTuple):
    """A finished job.

    Attributes
    ----------
    rule
        Its rule.
    start, end
        In seconds since 1970.
    inputs
        The files that it read.
    cores, memory, gpus
        What it was given, memory in MB; one core and nothing else where no benchmark file tells.
    """

    rule: str
    start: float
    end: float
    inputs: tuple[str, ...]
    cores: int = 1
    memory: float = 0.0
    gpus: int = 0

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


class Record:
    """The jobs that made some files.

    Parameters
    ----------
    makers
        ``{file: the job that made it}``.
    """

    def __init__(self, makers: Mapping[str, Job]) -> None:
        self.makers = makers
        self.jobs = _last_run(sorted(set(makers.values()), key=lambda job: job.start))

    def before(self, job: Job) -> list[Job]:
        """Return the jobs of this run that made what a job reads."""
        makers = {self.makers[path] for path in job.inputs if path in self.makers} - {job}
        return [maker for maker in makers if maker in self._known]

    @cached_property
    def _known(self) -> frozenset[Job]:
        return frozenset(self.jobs)

    def waited(self, job: Job) -> float:
        """Return how long a job waited for a core or for memory, seconds: since what it reads was there.

        A job that reads nothing of this run waited since the run's first job began.
        """
        return max(0.0, job.start - max((maker.end for maker in self.before(job)), default=self.jobs[0].start))

    def idle(self) -> float:
        """Return the seconds between the first start and the last end in which no job ran."""
        idle, end = 0.0, self.jobs[0].end
        for job in self.jobs:
            idle += max(0.0, job.start - end)
            end = max(end, job.end)
        return idle

    def span(self) -> float:
        """Return the seconds from the first start to the last end."""
        return max(job.end for job in self.jobs) - self.jobs[0].start

    def longest_chain(self) -> list[Job]:
        """Return the jobs, each of which reads what the one before it made, that take longest together."""
        found: dict[Job, tuple[float, list[Job]]] = {}
        for job in sorted(self.jobs, key=lambda job: job.end):
            seconds, chain = max((found[maker] for maker in self.before(job) if maker in found), default=(0.0, []))
            found[job] = seconds + job.seconds, [*chain, job]
        return max(found.values())[1]


def _last_run(jobs: list[Job]) -> list[Job]:
    """Return those of the last run, of jobs in order of their starts."""
    first, end = 0, jobs[0].end if jobs else 0.0
    for place, job in enumerate(jobs):
        if job.start - end > PAUSE:
            first = place
        end = max(end, job.end)
    return jobs[first:]


def read_record(folder: str | Path, results: str, benchmarks: str | Path = "") -> Record | None:
    """Read the record of the jobs that made files of a folder.

    Parameters
    ----------
    folder
        ``.snakemake/metadata``.
    results
        The folder of a run, such as ``results/demo``.
    benchmarks
        The folder of its benchmark files, which lie there as its logs lie in ``logs``; nothing if there is none.

    Returns
    -------
    Record or None
        None if Snakemake left no record there, or none that is understood.
    """
    outputs: dict[tuple[str, str], list[tuple[str, Job]]] = {}
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        output = _path_of(path.relative_to(folder).parts)
        if output and output.startswith(f"{results}/") and (found := _read(path)):
            which, job = found
            outputs.setdefault(which, []).append((output, job))
    makers: dict[str, Job] = {}
    for (rule, log), pairs in outputs.items():
        start, end = min(job.start for _, job in pairs), max(job.end for _, job in pairs)
        own = Path(benchmarks, Path(log).relative_to(f"{results}/logs")) if log.startswith(f"{results}/logs/") else None
        one = Job(rule, start, end, pairs[0][1].inputs, *(_given(own.with_suffix(".tsv")) if own else ()))
        makers |= dict.fromkeys((output for output, _ in pairs), one)
    return Record(makers) if makers else None


def _path_of(parts: Iterable[str]) -> str:
    """Return the output that a file of the record is about, "" if its name is none of Snakemake's."""
    try:
        return base64.urlsafe_b64decode("".join(part.removeprefix("@") for part in parts)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _read(path: Path) -> tuple[tuple[str, str], Job] | None:
    """Return rule and logs, which tell a job from all others, and the job; None of one that has not ended."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        job = Job(said["rule"], float(said["starttime"]), float(said["endtime"]), tuple(said["input"] or ()))
        return (job.rule, " ".join(said["log"] or [path.name])), job
    except (ValueError, KeyError, TypeError):
        return None


def _given(benchmark: Path) -> tuple[int, float, int]:
    """Return cores, memory in MB and GPUs that a job was given, from its benchmark file (Snakemake's extended one)."""
    try:
        *_, job = _jobs_of(benchmark)
        given = ast.literal_eval(job["resources"])
        return int(job["threads"]), float(given.get("mem_mb", 0)), int(given.get("gpu", 0))
    except (OSError, ValueError, KeyError, SyntaxError):  # none, or one of an older run, which does not say
        return 1, 0.0, 0


def read_benchmarks(folder: str | Path) -> list[list[Any]]:
    """Return what the jobs of every rule cost: rule, jobs, seconds of all and of the longest, processor, memory in MB.

    Parameters
    ----------
    folder
        Folder with Snakemake's benchmark files (TSV): for each rule one, or a folder of them.

    Raises
    ------
    InputError
        If there is none.
    """
    rules: dict[str, list[dict[str, str]]] = {}
    for path in sorted(Path(folder).rglob("*.tsv")):
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        rules.setdefault(rule, []).extend(_jobs_of(path))
    rows: list[list[Any]] = []
    for rule, jobs in rules.items():
        seconds, cpu, memory = ([_number(job.get(key)) for job in jobs] for key in ("s", "cpu_time", "max_rss"))
        if jobs:
            rows.append([rule, len(jobs), sum(seconds), max(seconds), sum(cpu), max(memory)])
    if not rows:
        raise InputError(f"{folder}: expected benchmark files of finished jobs. Received: none.")
    return sorted(rows, key=lambda row: -row[2])


def parts(record: Record, start: float) -> list[tuple[str, float, str]]:
    """Return what the time of a run went to: part, seconds, and of what."""
    jobs, chain = record.jobs, record.longest_chain()
    work, waited = sum(job.seconds for job in jobs), {job: record.waited(job) for job in jobs}
    last = max(jobs, key=lambda job: waited[job])
    return [
        ("run", record.span(), "from the start of the first job to the end of the last"),
        ("all jobs", work, f"{len(jobs)} jobs; on average {work / max(record.span(), 1e-9):.1f} ran at once"),
        ("starts", start * len(jobs), f"about, of all jobs: {start:.2f} s each for Python and its packages"),
        ("longest chain", sum(job.seconds for job in chain), " → ".join(job.rule for job in chain)),
        ("longest wait", waited[last], f"{last.rule}: what it reads was there, cores or memory were not free"),
        ("nothing ran", record.idle(), "between jobs: Snakemake itself, or a queue"),
    ]


def _jobs_of(path: Path) -> list[dict[str, str]]:
    """Return the jobs that a benchmark file tells of."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [dict(zip(rows[0], row, strict=False)) for row in rows[1:]]


def _number(text: str | None) -> float:
    """Return a number of a benchmark file; 0 where a job was too short to be measured."""
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
