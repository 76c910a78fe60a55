"""Sum up what every rule of a run cost, what its time went to, and what it would be on other numbers of cores."""

import argparse
import time
from pathlib import Path

from topodepth import __version__
from topodepth.files import texts
from topodepth.jobs import memory, schedule
from topodepth.jobs.commands import run
from topodepth.jobs.record import parts, read_benchmarks, read_record
from topodepth.tables import metadata

COLUMNS = ["rule", "jobs", "seconds", "longest_seconds", "cpu_seconds", "peak_memory_mb"]
PARTS = ["part", "seconds", "what"]
CORES = ["cores", "seconds", "seconds_any_memory"]


def main() -> None:
    """Parse, read Snakemake's benchmark files and its record, write."""
    start = start_seconds()  # before anything is read
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmarks", required=True, help="folder of benchmark files (TSV), one per job")
    parser.add_argument("--record", default=".snakemake/metadata", help="folder of Snakemake's record")
    parser.add_argument("--results", required=True, help="folder of the run's results, as the record names it")
    parser.add_argument("--provenance", required=True, help="provenance.json of the run, told beside the tables")
    parser.add_argument("--out", required=True, help="CSV to make: one row per rule, the costliest first")
    parser.add_argument("--parts", required=True, help="CSV to make: what the time of the run went to")
    parser.add_argument("--cores", required=True, help="CSV to make: what the run would take on other numbers of cores")
    arguments = parser.parse_args()
    rows = read_benchmarks(arguments.benchmarks)
    record = read_record(arguments.record, arguments.results, arguments.benchmarks)
    made = texts.read_json(arguments.provenance)
    for path, columns, found in (
        (arguments.out, COLUMNS, rows),
        (arguments.parts, PARTS, parts(record, start) if record else []),
        (arguments.cores, CORES, schedule.on_cores(record, memory.machine_megabytes()) if record else []),
    ):
        texts.write_table(path, [dict(zip(columns, row, strict=True)) for row in found], columns)
        table = Path(path)
        texts.write_json(f"{table}{metadata.ENDING}", metadata.describe(table.parent, table.name, made, __version__))


def start_seconds() -> float:
    """Return the processor time that a job takes before its work: Python, NumPy, h5py; as this very job does."""
    import h5py  # noqa: F401

    return time.process_time()


run(main)
