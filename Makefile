# python3 ≥ 3.11 and make are all that is needed; everything is installed into .venv from the lock file.
PYTHON ?= python3
BIN := .venv/bin
CORES ?= all
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)
INSTALL := -m pip install --quiet --disable-pip-version-check
# Two processes share the tests file by file: what the tests of a file have in common is made once. (By groups it would
# be made twice: under pytest 9.2.0 --dist loadgroup of pytest-xdist 3.8.0 sees none, its issue 1386.)
SHARED := -n 2 --dist loadfile
LOGGER := $(shell [ -t 2 ] && echo --logger rich) # progress bars, where there is a terminal to draw them on

.PHONY: demo test test-torch test-install lint docs gallery notebooks lock clean bench

demo: .venv/ready # small networks on embedded data, minutes on two cores
	$(SNAKEMAKE) all times --configfile examples/demo.yaml $(LOGGER)
	@PYTHONWARNINGS=ignore::RuntimeWarning $(SNAKEMAKE) all times --configfile examples/demo.yaml --quiet all \
	    --report results/demo/report.html
	@echo
	@echo "Figures and their tables: results/demo/{depth,dynamics,generalization,adversarial,spoofing}/"
	@echo "Report, to open in a browser: $(CURDIR)/results/demo/report.html"
	@echo "To look around in the results: $(CURDIR)/results/demo/explore.html"

test: .venv/ready
	$(BIN)/python -m pytest $(SHARED) --no-loadscope-reorder # in the order of testpaths

test-torch: .venv-torch/ready # what needs PyTorch, in an environment of its own
	.venv-torch/bin/python -m pytest $(SHARED) tests/torch

test-install: .venv/ready # the package by itself, in an empty environment
	$(BIN)/python tests/install/check_install.py

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/Snakefile workflow/rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy

docs: .venv-docs/ready # the site, into site/: open site/index.html
	.venv-docs/bin/python -m sphinx -b html -c docs/site --fresh-env --fail-on-warning --keep-going --quiet . site
	.venv-docs/bin/python docs/site/check.py site

gallery: .venv/ready # draw the pictures of the site's gallery again: the demo, and what it leaves out
	$(SNAKEMAKE) all times --configfile examples/demo.yaml docs/site/gallery.yaml $(LOGGER)
	$(BIN)/python docs/site/gallery.py results/demo

notebooks: .venv/ready .venv-torch/ready # run again those of docs/notebooks; their outputs are committed
	$(BIN)/python docs/notebooks/execute.py docs/notebooks/own_arrays.ipynb
	.venv-torch/bin/python docs/notebooks/execute.py docs/notebooks/own_pytorch_model.ipynb

bench: .venv-bench/ready # beside other tools, and how cost grows: about half an hour; QUICK=1: small sizes
	.venv-bench/bin/python benchmarks/bench.py $(if $(QUICK),--quick)
	.venv-bench/bin/python benchmarks/growth.py $(if $(QUICK),--quick)
	.venv-bench/bin/python benchmarks/experiments.py $(if $(QUICK),--quick)

lock: # resolve the newest versions again; needs uv
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --extra all --extra dev --upgrade \
	    pyproject.toml --output-file requirements.lock
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 \
	    --upgrade --constraint requirements.lock $$(sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock) \
	    tests/torch/requirements.in --output-file requirements-torch.lock
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 \
	    --upgrade --constraint requirements.lock $$(sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock) \
	    docs/site/requirements.in --output-file requirements-docs.lock

clean: # remove the environments; results stay
	rm -rf .venv .venv-torch .venv-bench .venv-docs

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else \
	    "error: Python 3.11, 3.12 or 3.13 expected. Received: " + sys.version.split()[0] + \
	    ". Say which: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	@echo "Installing the locked packages into .venv: about 1 GB to download, some minutes"
	$(BIN)/python $(INSTALL) --require-hashes -r requirements.lock
	$(BIN)/python $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# $(call beside,NAME): an environment that sees all that is in .venv
define beside
$(BIN)/python -m venv $(1)
$(BIN)/python -c 'import site; print("import site; site.addsitedir(%r)" % site.getsitepackages()[0])' \
    > "$$($(1)/bin/python -c 'import site; print(site.getsitepackages()[0])')/locked.pth"
endef

# beside it the tools that only benchmarks need
.venv-bench/ready: .venv/ready benchmarks/peers.txt
	$(call beside,.venv-bench)
	.venv-bench/bin/python $(INSTALL) --no-deps -r benchmarks/peers.txt \
	    || echo "Not installed, so left out of the comparison: benchmarks/peers.txt"
	@touch $@

# beside it PyTorch, which brings its CUDA libraries to a machine without a GPU too
.venv-torch/ready: .venv/ready requirements-torch.lock
	$(call beside,.venv-torch)
	@echo "Installing PyTorch into .venv-torch: about 3 GB to download, 6 GB on the disk, some minutes"
	.venv-torch/bin/python $(INSTALL) --no-deps --require-hashes -r requirements-torch.lock
	@touch $@

# beside it what builds the site
.venv-docs/ready: .venv/ready requirements-docs.lock
	$(call beside,.venv-docs)
	.venv-docs/bin/python $(INSTALL) --no-deps --require-hashes -r requirements-docs.lock
	@touch $@
