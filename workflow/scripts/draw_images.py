"""Draw a few images of an attack, clean and attacked, with the model's predictions."""

import argparse

from topodepth.figures import adversarial_images, style
from topodepth.jobs import provenance
from topodepth.jobs.commands import run


def main() -> None:
    """Parse, read, draw, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", required=True, help="images.h5 of the attack")
    parser.add_argument("--title", default="", help="title of the figure")
    parser.add_argument("--code", required=True, help="digest of the code, which the metadata of the files tell")
    parser.add_argument("--out", nargs="+", required=True, help="files to make: .png, .svg, .pdf")
    arguments = parser.parse_args()
    figure = adversarial_images.draw(adversarial_images.read(arguments.images), title=arguments.title)
    made_from = provenance.made_from(arguments.code, [arguments.images])
    for path in arguments.out:
        style.save(figure, path, made_from=made_from)


run(main)
