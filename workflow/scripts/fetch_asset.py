"""Bring one asset here, from Google Drive, a mirror or a place on this machine."""

import argparse
import os
from pathlib import Path

from topodepth.errors import unknown_name
from topodepth.files import assets
from topodepth.jobs.commands import run, settings

KEYS = ("drive", "urls", "path", "sha256", "size")


def main() -> None:
    """Parse, fetch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="name of the asset in the configuration")
    parser.add_argument("--settings", type=settings, required=True, help=f"JSON: {', '.join(KEYS)}")
    parser.add_argument("--lock", help="JSON file that records the checksums of files that come without one")
    parser.add_argument("--out", type=Path, required=True, help="file to make")
    arguments = parser.parse_args()
    for key in arguments.settings:
        if key not in KEYS:
            raise unknown_name(f"key of assets/{arguments.name}", key, KEYS)
    options = {key: value for key, value in arguments.settings.items() if value is not None}
    drive_url = os.environ.get("TOPODEPTH_DRIVE_URL", assets.DRIVE_URL)  # where tests put a Drive of their own
    asset = assets.Asset(arguments.name, **options)
    assets.fetch(asset, out=arguments.out, lock=arguments.lock, drive_url=drive_url)


run(main)
