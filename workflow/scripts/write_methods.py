"""Write the methods of a run as a paper may take them, and the references that they cite."""

import argparse
from pathlib import Path

from topodepth import __version__
from topodepth.experiments.methods.bibliography import bibliography
from topodepth.experiments.methods.run import Run
from topodepth.experiments.methods.text import methods
from topodepth.files import texts
from topodepth.jobs.commands import run


def main() -> None:
    """Parse, read the record and the tables beside it, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", required=True, help="provenance.json of the run, in whose folder the tables lie")
    parser.add_argument("--out", required=True, help="Markdown to make")
    parser.add_argument("--references", required=True, help="BibTeX to make, of what it cites")
    arguments = parser.parse_args()
    text = methods(Run(texts.read_json(arguments.record), Path(arguments.record).parent), __version__)
    texts.write_text(arguments.out, text)
    texts.write_text(arguments.references, bibliography(text))


run(main)
