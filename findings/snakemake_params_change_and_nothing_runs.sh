#!/usr/bin/env bash
# Snakemake 9.27.1: a job runs again when its params change, but not for every change. Their values are recorded as a set,
# without names, and only those of Python's own types. So nothing runs when two params exchange their values, nor for
# another NumPy integer, NumPy array or `Path`; for another NumPy float the job does run, as that is a Python float. What
# was made with the old params stays, and the plan says "Nothing to be done".
#
# Output seen:
#   snakemake 9.27.1, numpy 2.4.6
#   after points 10 and classes 20 became 20 and 10, the file says: 10 20
#   after np.int64(10) became np.int64(20), the file says:          10
#   after np.float64(10) became np.float64(20), the file says:      20.0
#
# Exits non-zero once the first or the second file is made again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check snakemake==9.27.1 numpy==2.4.6
cd "$folder"
cat > Snakefile <<'SNAKEFILE'
import numpy as np
first, second = config["first"], config["second"]
rule names:
    output: "names.txt"
    params: points=first, classes=second
    shell: "echo {params.points} {params.classes} > {output}"
rule integer:
    output: "integer.txt"
    params: points=np.int64(first)
    shell: "echo {params.points} > {output}"
rule real:
    output: "real.txt"
    params: points=np.float64(first)
    shell: "echo {params.points} > {output}"
SNAKEFILE
for values in "first=10 second=20" "first=20 second=10"; do
    # shellcheck disable=SC2086  # two settings
    XDG_CACHE_HOME="$folder/cache" venv/bin/snakemake names.txt integer.txt real.txt --cores 1 --quiet all \
        --rerun-triggers params --config $values 2> /dev/null
done
venv/bin/python -c "from importlib.metadata import version as v; print('snakemake', v('snakemake') + ', numpy', v('numpy'))"
echo "after points 10 and classes 20 became 20 and 10, the file says: $(cat names.txt)"
echo "after np.int64(10) became np.int64(20), the file says:          $(cat integer.txt)"
echo "after np.float64(10) became np.float64(20), the file says:      $(cat real.txt)"
[ "$(cat names.txt)" = "10 20" ] && [ "$(cat integer.txt)" = 10 ]
