"""Write the complete configuration and the versions of all packages that the run stands on."""

import argparse
import re
from pathlib import Path

from topodepth import pages, provenance, storage
from topodepth.commands import run, settings

LOCK = Path(__file__).parents[2] / "requirements.lock"


def main() -> None:
    """Parse, collect, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=settings, required=True, help="JSON: the configuration with its defaults")
    parser.add_argument("--out", nargs=3, required=True, help="config.yaml, config.html and versions.csv to make")
    arguments = parser.parse_args()
    import yaml

    config_path, page_path, versions_path = arguments.out
    text = yaml.safe_dump(arguments.config, sort_keys=False, allow_unicode=True)
    for path, content in ((config_path, text), (page_path, pages.page("config.yaml", [text]))):
        with storage.atomic_path(path) as part:
            part.write_text(content, encoding="utf-8")
    locked = re.findall(r"^([a-z0-9._-]+)==", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    versions = provenance.package_versions(dict.fromkeys(locked))
    rows = [{"package": package, "version": version} for package, version in versions.items()]
    storage.write_table(versions_path, rows, ["package", "version"])


run(main)
