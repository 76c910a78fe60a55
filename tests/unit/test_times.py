"""Where the time of a run went: Snakemake's benchmark files and record, summed up and drawn."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from topodepth.errors import InputError
from topodepth.figures import times
from topodepth.files import texts
from topodepth.jobs.record import PAUSE, Job, Record, read_record
from topodepth.jobs.schedule import expected_seconds, on_cores

ROOT = Path(__file__).parents[2]
HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def tabulate(folder, out):
    command = [sys.executable, ROOT / "workflow/scripts/tabulate_times.py", "--benchmarks", folder, "--out", out]
    command += ["--record", folder.parent / "metadata", "--results", "results/one"]
    command += ["--parts", out.with_name("parts.csv"), "--cores", out.with_name("cores.csv")]
    command += ["--provenance", out.with_name("provenance.json")]
    texts.write_json(command[-1], {"config": {"run": "one", "experiments": {}}, "code": {}})
    return subprocess.run(command, capture_output=True, text=True, check=False)


def record_job(folder, rule, times, outputs, *, inputs=(), log=None):
    """What Snakemake 9 leaves of a job: a file for each output, cut into folders where its name is long."""
    for output in outputs:
        name = base64.urlsafe_b64encode(f"results/{output}".encode()).decode()
        cut = max(0, len(name) - 24)
        path = folder / f"@{name[:cut]}" / name[cut:] if cut else folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        said = {
            "rule": rule,
            "input": [f"results/{each}" for each in inputs],
            "starttime": times[0],
            "endtime": times[1],
        }
        path.write_text(json.dumps(said | {"log": [log or f"{rule}.log"]}))


@pytest.fixture
def record(tmp_path):
    """Two trainings side by side, a short and a long way from the first to a figure, and a run of long ago."""
    folder = tmp_path / "metadata"
    record_job(folder, "prepare", (-9 - PAUSE, -8 - PAUSE), ["one/data.h5"])
    record_job(folder, "train", (0, 10), ["one/a.keras", "one/a.json"], inputs=["one/data.h5"], log="a")
    record_job(folder, "train", (1, 4), ["one/b.keras"], inputs=["one/data.h5"], log="b")
    record_job(folder, "measure", (15, 18), ["one/a.h5"], inputs=["one/a.keras"])
    record_job(folder, "describe", (18, 20), ["one/a.csv"], inputs=["one/a.h5", "one/a.json"])
    record_job(folder, "draw", (20, 21), ["one/a.png", "one/a.svg"], inputs=["one/a.csv", "one/b.keras"])
    record_job(folder, "train", (0, 500), ["other/a.keras"])
    return folder


def test_the_longest_chain_and_the_waits_follow_from_what_jobs_read(record):
    found = read_record(record, "results/one")
    assert [job.rule for job in found.longest_chain()] == ["train", "measure", "describe", "draw"]
    assert sum(job.seconds for job in found.longest_chain()) == 10 + 3 + 2 + 1
    waits = {(job.rule, job.start): found.waited(job) for job in found.jobs}
    assert waits == {("train", 0): 0, ("train", 1): 1, ("measure", 15): 5, ("describe", 18): 0, ("draw", 20): 0}
    assert (found.span(), found.idle()) == (21, 5)


def test_what_the_time_of_a_run_went_to_is_told_in_one_table(record, tmp_path):
    job(tmp_path / "marks/train/a.tsv", 10, 900, 20)
    result = tabulate(tmp_path / "marks", tmp_path / "times.csv")
    assert result.returncode == 0, result.stderr
    rows = texts.read_table(tmp_path / "parts.csv").set_index("part")
    seconds = dict(rows["seconds"])
    assert (seconds["run"], seconds["all jobs"], seconds["longest chain"]) == (21, 10 + 3 + 3 + 2 + 1, 16)
    assert (seconds["longest wait"], seconds["nothing ran"]) == (5, 5)
    assert 0 < seconds["starts"] < 5 * 5
    assert rows["what"]["longest chain"] == "train → measure → describe → draw"


def chained(rule, inputs=(), *, cores=1, memory=0.0, seconds=10.0, start=0.0):
    """A job that makes a file of its name."""
    return {rule: Job(rule, start, start + seconds, tuple(inputs), cores, memory)}


def test_on_other_numbers_of_cores_jobs_wait_for_cores_for_what_they_read_and_for_nothing_else():
    alike = Record({name: job for k in range(8) for name, job in chained(str(k), start=k).items()})
    assert [expected_seconds(alike, p) for p in (1, 2, 3, 8, 99)] == [80, 40, 30, 10, 10]
    chain = Record(chained("a") | chained("b", ["a"]) | chained("c", ["b"]) | chained("aside", seconds=5))
    assert [expected_seconds(chain, p) for p in (1, 2, 8)] == [35, 30, 30]


def test_on_other_numbers_of_cores_a_job_takes_the_cores_it_was_given_and_all_if_it_was_given_more():
    record = Record(chained("wide", cores=4) | chained("a", start=1) | chained("b", start=2))
    assert [expected_seconds(record, p) for p in (1, 2, 4, 5, 6)] == [30, 20, 20, 20, 10]


def test_jobs_wait_for_memory_and_one_that_asks_for_more_than_there_is_runs_alone():
    record = Record({name: job for k in range(4) for name, job in chained(str(k), start=k, memory=1000).items()})
    assert [expected_seconds(record, 4, memory) for memory in (500, 1999, 2000, 4000)] == [40, 40, 20, 10]
    assert on_cores(record, 2000)[:3] == [(1, 40, 40), (2, 20, 20), (4, 20, 10)]


def test_what_a_job_was_given_is_read_from_its_benchmark_file(tmp_path):
    folder = tmp_path / "metadata"
    record_job(folder, "draw", (0, 1), ["one/a.png"], log="results/one/logs/draw/a.log")
    record_job(folder, "join", (0, 1), ["one/a.csv"], log="results/one/logs/join/a.log")
    path = tmp_path / "marks/draw/a.tsv"
    job(path, 1, 9, 1)
    header, row = path.read_text().splitlines()
    given = {"mem_mb": 700, "gpu": 1, "tmpdir": "/tmp"}
    path.write_text(f"{header}\tthreads\tresources\n{row}\t3\t{given}\n")
    job(tmp_path / "marks/join/a.tsv", 1, 9, 1)  # of a run before benchmark files said so
    found = {each.rule: each[4:] for each in read_record(folder, "results/one", tmp_path / "marks").jobs}
    assert found == {"draw": (3, 700, 1), "join": (1, 0, 0)}


def test_without_a_record_that_is_understood_the_table_of_rules_is_made_all_the_same(tmp_path):
    job(tmp_path / "marks/train/a.tsv", 10, 900, 20)
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata/not base64").write_text("{}")
    (tmp_path / "metadata" / base64.urlsafe_b64encode(b"results/one/a.h5").decode()).write_text('{"rule": "train"}')
    result = tabulate(tmp_path / "marks", tmp_path / "times.csv")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "parts.csv").read_text() == "part,seconds,what\n"
    assert (tmp_path / "cores.csv").read_text() == "cores,seconds,seconds_any_memory\n"
    assert (tmp_path / "times.csv").exists()


def job(path, seconds, memory, cpu):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}{seconds}\t0:00:01\t{memory}\t0\t0\t0\t0\t0\t0\t{cpu}\n")


def test_jobs_of_a_rule_are_summed_and_what_was_too_short_to_measure_counts_as_nothing(tmp_path):
    job(tmp_path / "marks/train_model/a.tsv", 10.5, 900.25, 20)
    job(tmp_path / "marks/train_model/b.tsv", 2.5, 950.5, 3)
    job(tmp_path / "marks/draw_depth/deep/c.tsv", 30, "NA", "NA")
    job(tmp_path / "marks/explore.tsv", 5, 100, 4)
    result = tabulate(tmp_path / "marks", tmp_path / "times.csv")
    assert result.returncode == 0, result.stderr
    rows = texts.read_table(tmp_path / "times.csv").to_dict("records")
    assert [row["rule"] for row in rows] == ["draw_depth", "train_model", "explore"]
    assert rows[1] == {"rule": "train_model", "jobs": 2, "seconds": 13, "longest_seconds": 10.5, "cpu_seconds": 23,
                       "peak_memory_mb": 950.5}  # fmt: skip
    assert (rows[0]["seconds"], rows[0]["cpu_seconds"], rows[0]["peak_memory_mb"]) == (30, 0, 0)
    assert texts.read_json(tmp_path / "times.csv-metadata.json")["schema:size"] == "3 rows"
    figure = times.draw(texts.read_table(tmp_path / "times.csv"))
    bars = [patch.get_width() for patch in figure.axes[0].patches]
    assert bars == [30, 13, 5]


def test_a_folder_without_benchmark_files_is_refused_in_one_line(tmp_path):
    result = tabulate(tmp_path, tmp_path / "times.csv")
    assert result.returncode == 1
    assert "expected benchmark files of finished jobs. Received: none." in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "times.csv").exists()


def test_a_table_without_its_columns_is_refused():
    import pandas

    with pytest.raises(InputError, match="times figure: the table lacks jobs"):
        times.draw(pandas.DataFrame({"rule": ["a"]}))
