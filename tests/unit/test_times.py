"""Where the time of a run went: Snakemake's benchmark files, summed up and drawn."""

import subprocess
import sys
from pathlib import Path

import pytest

from topodepth.errors import InputError
from topodepth.figures import times
from topodepth.files import texts

ROOT = Path(__file__).parents[2]
HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def tabulate(folder, out):
    command = [sys.executable, ROOT / "workflow/scripts/tabulate_times.py", "--benchmarks", folder, "--out", out]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def job(path, seconds, memory, cpu):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}{seconds}\t0:00:01\t{memory}\t0\t0\t0\t0\t0\t0\t{cpu}\n")


def test_jobs_of_a_rule_are_summed_and_what_was_too_short_to_measure_counts_as_nothing(tmp_path):
    job(tmp_path / "marks/train_model/a.tsv", 10.5, 900.25, 20)
    job(tmp_path / "marks/train_model/b.tsv", 2.5, 950.5, 3)
    job(tmp_path / "marks/draw_depth/deep/c.tsv", 30, "NA", "NA")
    result = tabulate(tmp_path / "marks", tmp_path / "times.csv")
    assert result.returncode == 0, result.stderr
    rows = texts.read_table(tmp_path / "times.csv").to_dict("records")
    assert [row["rule"] for row in rows] == ["draw_depth", "train_model"]
    assert rows[1] == {"rule": "train_model", "jobs": 2, "seconds": 13, "longest_seconds": 10.5, "cpu_seconds": 23,
                       "peak_memory_mb": 950.5}  # fmt: skip
    assert (rows[0]["seconds"], rows[0]["cpu_seconds"], rows[0]["peak_memory_mb"]) == (30, 0, 0)
    figure = times.draw(texts.read_table(tmp_path / "times.csv"))
    bars = [patch.get_width() for patch in figure.axes[0].patches]
    assert bars == [30, 13]


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
