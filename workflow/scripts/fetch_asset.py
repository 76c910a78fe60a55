"""Bring one asset here, from Google Drive, a mirror or a place on this machine; unpack it if it is an archive."""

import argparse
import os
from pathlib import Path

from topodepth import assets
from topodepth.commands import run, settings
from topodepth.errors import unknown_name

KEYS = ("drive", "urls", "path", "sha256", "size", "unpack")


def main() -> None:
    """Parse, fetch, unpack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="name of the asset in the configuration")
    parser.add_argument("--settings", type=settings, required=True, help=f"JSON: {', '.join(KEYS)}")
    parser.add_argument("--lock", help="JSON file that records the checksums of files that come without one")
    parser.add_argument("--out", type=Path, required=True, help="file to make; a folder, if the asset is unpacked")
    arguments = parser.parse_args()
    for key in arguments.settings:
        if key not in KEYS:
            raise unknown_name(f"key of assets/{arguments.name}", key, KEYS)
    options = {key: value for key, value in arguments.settings.items() if value is not None}
    unpack = options.pop("unpack", False)
    file = arguments.out.with_name(f".{arguments.out.name}.archive") if unpack else arguments.out
    drive_url = os.environ.get("TOPODEPTH_DRIVE_URL", assets.DRIVE_URL)  # where tests put a Drive of their own
    assets.fetch(arguments.name, out=file, lock=arguments.lock, drive_url=drive_url, **options)
    if unpack:
        assets.unpack(file, arguments.out)
        file.unlink()


run(main)
