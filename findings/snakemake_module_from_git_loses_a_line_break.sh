#!/usr/bin/env bash
# Snakemake 9.27.1 with GitPython 3.2.1: files that it reads from a tag of a Git repository (`module ...: snakefile:
# gitfile(...)`, and what `workflow.source_path`, `script:` and `conda:` of that module name) come without the line break at
# their end: they are fetched by `git show` of GitPython, which strips it from what it returns. So the same file of the
# same tag has another checksum in a deployed workflow than in a clone, and a check of a lock file's or a table's digest
# fails there only.
#
# Output seen:
#   snakemake 9.27.1, gitpython 3.2.1
#   bytes of the file in the tag:        8
#   bytes that a rule of the module has: 7
#
# Exits non-zero once both are the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check snakemake==9.27.1 gitpython==3.2.1
mkdir -p "$folder/published/workflow" "$folder/study"
cd "$folder/published"
printf 'one\ntwo\n' > workflow/table.txt
cat > workflow/Snakefile <<'SNAKEFILE'
rule count:
    output:
        "count.txt",
    params:
        file=workflow.source_path("table.txt"),
    shell:
        "wc -c < {params.file} > {output}"
SNAKEFILE
git init --quiet .
git add .
git -c user.name=author -c user.email=author@example.org commit --quiet --message "A workflow"
git tag v1
cd "$folder/study"
cat > Snakefile <<SNAKEFILE
module published:
    snakefile: gitfile("$folder/published", path="workflow/Snakefile", tag="v1")
use rule * from published
SNAKEFILE
XDG_CACHE_HOME="$folder/cache" "$folder/venv/bin/snakemake" --cores 1 --quiet all -- count 2> /dev/null
tagged=$(git -C "$folder/published" show v1:workflow/table.txt | wc -c)
read -r fetched < count.txt
"$folder/venv/bin/python" -c "from importlib.metadata import version as v; \
print('snakemake', v('snakemake') + ', gitpython', v('gitpython'))"
echo "bytes of the file in the tag:        $tagged"
echo "bytes that a rule of the module has: $fetched"
[ "$tagged" -ne "$fetched" ]
