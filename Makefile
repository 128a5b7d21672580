# make demo    corners of digits, with nothing but pip
# make test    style, types and all tests
# make bench   speed against the paper's algorithm, on MNIST where it is prepared
# make figure1 docs/figure1.png, drawn from a network of two inputs

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test bench figure1 extras clean

demo: $(VENV)/.installed
	$(BIN)/python bin/collide --flagfile=bin/flagfiles/digits.flags --out=runs/digits --overwrite

test: $(VENV)/.dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/corners.py

figure1: $(VENV)/.installed
	$(BIN)/python docs/figure1.py

# Every extra in one fresh environment.
extras:
	rm -rf .venv-extras
	$(PYTHON) -m venv .venv-extras
	.venv-extras/bin/python -m pip install --quiet ".[serving,beam,verify,dev]"
	.venv-extras/bin/python -m pip check

clean:
	rm -rf $(VENV) .venv-extras build *.egg-info

$(VENV)/.installed: setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable . --config-settings editable_mode=compat
	touch $@

$(VENV)/.dev-installed: setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev]" --config-settings editable_mode=compat
	touch $@ $(VENV)/.installed
