"""How long the jobs of a finished run would take on other numbers of cores: list scheduling of its record.

A job keeps the time that it took. It starts as soon as what it reads is there and the cores, memory and GPUs that it
was given are free; of several, the one that began first in the record goes first.
"""

import heapq
import math

from topodepth.jobs.record import Job, Record

CORES = (1, 2, 4, 8, 16, 32)
GPUS = 1  # that jobs of one machine share here, see workflow/rules/machine.smk


def expected_seconds(record: Record, cores: int, memory: float = math.inf) -> float:
    """Return how long the jobs of a run would take, from the first start to the last end, in seconds.

    Parameters
    ----------
    record
        The run.
    cores
        Cores of the machine. A job that was given more gets all of them, and takes as long as it did.
    memory
        Memory of the machine in MB. A job that was given more gets all of it.
    """
    limits, order = (cores, memory, GPUS), {job: place for place, job in enumerate(record.jobs)}
    followers: dict[Job, list[Job]] = {job: [] for job in record.jobs}
    missing = {}  # how many jobs have to end before a job
    for job in record.jobs:
        makers = record.before(job)
        missing[job] = len(makers)
        for maker in makers:
            followers[maker].append(job)
    now, free = 0.0, list(limits)
    ready = [job for job in record.jobs if not missing[job]]
    running: list[tuple[float, int]] = []  # when each ends, and its place
    while ready or running:
        waiting = []
        for job in sorted(ready, key=order.__getitem__):
            left = [amount - need for amount, need in zip(free, _needs(job, limits), strict=True)]
            if min(left) < 0:
                waiting.append(job)
                continue
            free = left
            heapq.heappush(running, (now + max(0.0, job.seconds), order[job]))
        now, place = heapq.heappop(running)
        ended = record.jobs[place]
        free = [amount + need for amount, need in zip(free, _needs(ended, limits), strict=True)]
        for follower in followers[ended]:
            missing[follower] -= 1
        ready = waiting + [follower for follower in followers[ended] if not missing[follower]]
    return now


def on_cores(record: Record, memory: float) -> list[tuple[int, float, float]]:
    """Return the expected seconds of a run by number of cores: with this much memory in MB, and with any."""
    return [(p, expected_seconds(record, p, memory), expected_seconds(record, p)) for p in CORES]


def _needs(job: Job, limits: tuple[float, ...]) -> list[float]:
    """Return the cores, memory and GPUs that a job takes of a machine: of each no more than there is."""
    return [min(*pair) for pair in zip((job.cores, job.memory, job.gpus), limits, strict=True)]
