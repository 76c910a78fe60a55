"""Record what made the results: configuration, code, versions of packages, checksums of all files read."""

import argparse
import re
from pathlib import Path

from topodepth.files import pages, texts
from topodepth.jobs import provenance
from topodepth.jobs.commands import run

ROOT = Path(__file__).parents[2]
LOCKS = [ROOT / "requirements.lock", ROOT / "requirements-torch.lock"]


def main() -> None:
    """Parse, collect, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listing", required=True, help="JSON: config, code, lock, inputs")
    parser.add_argument("--record", required=True, help="JSON to make")
    parser.add_argument("--page", required=True, help="HTML page to make")
    parser.add_argument("--versions", required=True, help="CSV to make")
    arguments = parser.parse_args()
    import yaml

    listing = texts.read_json(arguments.listing)
    text = "".join(path.read_text(encoding="utf-8") for path in LOCKS)
    locked = re.findall(r"^([a-z0-9._-]+)==", text, flags=re.MULTILINE)
    record = listing | {
        "inputs": {path: provenance.checksum(path) for path in listing["inputs"]},
        "versions": provenance.package_versions(dict.fromkeys(locked)),
    }
    texts.write_json(arguments.record, record)
    rows = [{"package": package, "version": version} for package, version in record["versions"].items()]
    texts.write_table(arguments.versions, rows, ["package", "version"])
    tables = [
        pages.Table("Files read that this run did not make", ["file", "SHA-256"], list(record["inputs"].items())),
        pages.Table("Code behind each script", ["script", "digest"], list(record["code"].items())),
    ]
    text = yaml.safe_dump(record["config"], sort_keys=False, allow_unicode=True)
    texts.write_text(arguments.page, pages.page(f"Run {record['config']['run']}", [text], tables))


run(main)
