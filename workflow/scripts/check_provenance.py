"""Compare a recorded run with this place, and write the configuration that repeats it."""

import argparse
import re
from pathlib import Path

from topodepth.errors import InputError
from topodepth.files import storage, texts
from topodepth.jobs import digests, provenance
from topodepth.jobs.commands import log, run

SCRIPTS = Path(__file__).parent
LOCK = SCRIPTS.parents[1] / "requirements.lock"


def main() -> None:
    """Parse, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--provenance", required=True, help="provenance.json of a run")
    parser.add_argument("--config", required=True, help="JSON to make, for snakemake --configfile")
    parser.add_argument("--anyway", action="store_true", help="write it although code, versions or inputs differ")
    arguments = parser.parse_args()
    record = texts.read_json(arguments.provenance)
    missing = [key for key in ("config", "code", "lock", "inputs", "versions") if key not in record]
    if missing:
        raise InputError(f"{arguments.provenance}: expected the key {missing[0]!r}. Received: {', '.join(record)}.")
    here = {
        "code": {name: digest(name) for name in record["code"]},
        "lock": storage.sha256(LOCK),
        "inputs": {path: provenance.checksum(path) for path in record["inputs"] if Path(path).exists()},
        "versions": provenance.package_versions(name for name in record["versions"] if name != "python"),
    }
    differences = provenance.differences(record, here)
    for line in differences:
        log.warning("%s", line)
    if differences and not arguments.anyway:
        raise InputError(f"{arguments.provenance}: {len(differences)} differences from this place; --anyway goes on.")
    texts.write_json(arguments.config, record["config"])
    log.info("to repeat the run: snakemake --configfile %s", arguments.config)


def digest(of: str) -> str:
    """Return the digest of a script here, with the architecture or loader that it uses, or of a plugin."""
    if of.startswith("plugin "):
        path = of.removeprefix("plugin ")
        return digests.of_plugin(path) if Path(path).is_file() else "absent"
    script, _, name = of.partition(", ")
    room = "architectures" if script == "train_model.py" else "datasets"
    safe = all(re.fullmatch(r"[A-Za-z0-9_.-]+", part) for part in (script, name or "none"))
    if not safe or not (SCRIPTS / script).is_file():
        return "absent"
    return provenance.code_digest(SCRIPTS / script, [f"topodepth.{room}.{name}"] if name else [])


run(main)
