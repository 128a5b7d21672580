# make demo    corners of digits, with nothing but pip
# make demo-patches    an index of two photographs, a search, a picture
# make setup   .venv with all that the tests need
# make test    style, types and all tests
# make test-fast    the tests that neither train nor search, in under a minute
# make coverage    all tests, and how much of the package they run; a report, no limit
# make package-check    wheel and source archive, checked, installed into a fresh environment and used
# make bench   ratios that BUILD.md claims, beside those recorded last
# make docs    the documentation, build/site/index.html; warnings are errors
# make notebooks    examples/*.ipynb from their pages in docs/
# make figure1 docs/figure1.png, drawn from a network of two inputs

PYTHON ?= python3
VENV := .venv
# Annoy's own settings compile for the building machine alone; these run on any x86-64 or ARM.
export ANNOY_COMPILER_ARGS ?= -O3,-ffast-math,-fno-associative-math,-std=c++14,-DANNOYLIB_MULTITHREADED_BUILD
BIN := $(VENV)/bin
FAST := tests/architecture_test.py tests/errors_test.py tests/registry_test.py tests/settings_test.py tests/snippets_test.py \
	tests/objectives tests/data/labeled_test.py tests/files/names_test.py tests/polytope/exact tests/report/markdown_test.py

.PHONY: demo demo-patches setup test test-fast coverage package-check bench docs notebooks figure1 extras clean

demo: $(VENV)/.installed
	$(BIN)/python bin/collide --flagfile=bin/flagfiles/digits.flags --out=runs/digits --overwrite

demo-patches: $(VENV)/.installed
	$(BIN)/python bin/index_patches --flagfile=bin/flagfiles/demo_patches.flags --out=runs/patches --overwrite
	$(BIN)/python bin/query_patches --index=runs/patches --image=0 --min_distance=900 --out=runs/neighbors --overwrite

setup: $(VENV)/.dev-installed

test: $(VENV)/.dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -I .ci/imports.py
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/.dev-installed
	$(BIN)/python -m pytest $(FAST)

coverage: $(VENV)/.dev-installed
	COVERAGE_FILE=build/coverage $(BIN)/coverage run --source=tfcollide -m pytest
	COVERAGE_FILE=build/coverage $(BIN)/coverage report --skip-covered --sort=cover

package-check:
	rm -rf .venv-package build/package
	$(PYTHON) -m venv .venv-package
	.venv-package/bin/python -m pip install --quiet build twine check-wheel-contents
	.venv-package/bin/python -m build --outdir build/package .
	.venv-package/bin/twine check --strict build/package/*
	.venv-package/bin/check-wheel-contents build/package/*.whl
	rm -rf .venv-package
	$(PYTHON) -m venv .venv-package
	.venv-package/bin/python -m pip install --quiet build/package/*.whl
	.venv-package/bin/python -m pip check
	cd build/package && rm -rf first models && ../../.venv-package/bin/collide --recipe=digits --model_dir=models --out=first
	cd build/package && ../../.venv-package/bin/collide-explore --run=first

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/ratios.py

docs: $(VENV)/.docs-installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	$(BIN)/python docs/check_site.py build/site

notebooks:
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
	rm -rf $(VENV) .venv-extras .venv-package build *.egg-info

$(VENV)/.installed: setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable . --config-settings editable_mode=compat
	touch $@

$(VENV)/.docs-installed: setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[docs]" --config-settings editable_mode=compat
	touch $@ $(VENV)/.installed

$(VENV)/.dev-installed: setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev]" --config-settings editable_mode=compat
	touch $@ $(VENV)/.installed
