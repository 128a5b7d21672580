# make demo    corners of digits, with nothing but pip
# make demo-patches    an index of two photographs, a search, a picture (Annoy needs a C++ compiler)
# make test    style, types and all tests
# make bench   every ratio that BUILD.md claims, beside the one recorded last
# make docs    the documentation, build/site/index.html; warnings are errors
# make notebook examples/tutorial.ipynb, the tutorial as a notebook
# make figure1 docs/figure1.png, drawn from a network of two inputs

PYTHON ?= python3
VENV := .venv
# Annoy's own settings compile for the building machine alone; these run on any x86-64 or ARM.
export ANNOY_COMPILER_ARGS ?= -O3,-ffast-math,-fno-associative-math,-std=c++14,-DANNOYLIB_MULTITHREADED_BUILD
BIN := $(VENV)/bin

.PHONY: demo demo-patches test bench docs notebook figure1 extras clean

demo: $(VENV)/.installed
	$(BIN)/python bin/collide --flagfile=bin/flagfiles/digits.flags --out=runs/digits --overwrite

demo-patches: $(VENV)/.patches-installed
	$(BIN)/python bin/index_patches --flagfile=bin/flagfiles/demo_patches.flags --out=runs/patches --overwrite
	$(BIN)/python bin/query_patches --patches=runs/patches --image=0 --min_distance=900 --out=runs/neighbors --overwrite

test: $(VENV)/.dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/ratios.py

docs: $(VENV)/.docs-installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

notebook:
	$(PYTHON) docs/notebook.py

figure1: $(VENV)/.installed
	$(BIN)/python docs/figure1.py

# Every extra in one fresh environment.
extras:
	rm -rf .venv-extras
	$(PYTHON) -m venv .venv-extras
	.venv-extras/bin/python -m pip install --quiet ".[serving,beam,keras2,verify,patches,docs,dev]"
	.venv-extras/bin/python -m pip check

clean:
	rm -rf $(VENV) .venv-extras build *.egg-info

$(VENV)/.installed: setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable . --config-settings editable_mode=compat
	touch $@

$(VENV)/.patches-installed: setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[patches]" --config-settings editable_mode=compat
	touch $@ $(VENV)/.installed

$(VENV)/.docs-installed: setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[docs]" --config-settings editable_mode=compat
	touch $@ $(VENV)/.installed

$(VENV)/.dev-installed: setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev]" --config-settings editable_mode=compat
	touch $@ $(VENV)/.installed
