#!/usr/bin/env bash
# persim 0.4.1: where a bar occurs twice, `PersLandscapeExact` repeats not the bar but the whole landscape function that
# begins with it, so all later bars of that function count twice too. Of (0, 2), (0, 2) and (5, 9) the second function of
# Bubenik's landscape is the tent of (0, 2) alone; persim adds that of (5, 9), and the L1 norm is 10 where it should be 6.
# `PersLandscapeApprox` of the same package is right. Quantised activations have equal distances, and so equal bars.
#
# Output seen:
#   persim 0.4.1
#   second function of PersLandscapeExact at 1 and 7:  1 2
#   second function of PersLandscapeApprox at 1 and 7: 1 0
#   L1 norm: exact 10, approximate 6, sum of the areas of the three tents 6
#
# Exits non-zero once the second function is 0 at 7.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 persim==0.4.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from persim.landscapes import PersLandscapeApprox, PersLandscapeExact

bars = np.array([[0.0, 2.0], [0.0, 2.0], [5.0, 9.0]])
exact = PersLandscapeExact(dgms=[bars], hom_deg=0)
approximate = PersLandscapeApprox(dgms=[bars], hom_deg=0, start=0, stop=9, num_steps=91)
places = np.array([1.0, 7.0])
found = np.interp(places, *np.array(exact[1]).T)
right = np.interp(places, np.linspace(0, 9, 91), approximate.values[1])
print("persim", version("persim"))
print("second function of PersLandscapeExact at 1 and 7: ", *(f"{value:g}" for value in found))
print("second function of PersLandscapeApprox at 1 and 7:", *(f"{value:g}" for value in right))
areas = ((bars[:, 1] - bars[:, 0]) ** 2 / 4).sum()
print(
    f"L1 norm: exact {exact.p_norm(1):g}, approximate {approximate.p_norm(1):g}, "
    f"sum of the areas of the three tents {areas:g}"
)
sys.exit(int(found[1] == 0))
PYTHON
