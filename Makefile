# Two commands do everything on a fresh machine with Python >= 3.11, git and make:
#   make quickstart   set up and run the main job
#   make test         set up and run the checks; make slow runs the tests that take seconds each
PYTHON ?= python3
BIN := .venv/bin
# Kept bytecode saves each of the many processes from compiling its imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup quickstart test slow lint types layers unit faults reference docs lock clean

quickstart: setup
	$(BIN)/adaloss-sweep run quickstart

# Without its cache mypy takes half a minute of one processor; the tests begin beside it.
test: setup
	$(MAKE) --no-print-directory --jobs 2 lint unit types layers

setup: .venv/installed

# uv comes from the lock file as well, so that all that is installed is pinned by hash.
.venv/installed: requirements.lock setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	grep -A 999 '^uv==' requirements.lock | awk 'NR > 1 && /^[a-z]/ {exit} {print}' > .venv/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

layers: setup
	$(BIN)/lint-imports

unit: setup
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow"

# A tenth of the tests takes most of the time: whole sweeps, fits of statistics, compilers.
slow: setup
	$(BIN)/pytest -n 2 --dist worksteal -m slow

# Breaks sweeps in every way and looks for anything lost; hours on two cores, an idle machine only.
faults: setup
	$(BIN)/pytest tests/faults
	$(BIN)/python tests/faults/kill_points.py --points 300
	$(BIN)/python tests/faults/program_kills.py
	$(BIN)/python tests/faults/cluster_kills.py

# The pages that are generated from the grid's schema and the commands.
reference: setup
	$(BIN)/python docs/make_reference.py

# The site, in site/; warnings are errors. The variables silence advertisements of other tools.
docs: setup
	NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --quiet

# After a change of the dependencies in setup.cfg.
lock: setup
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade \
	    --no-header --no-annotate --extra test --extra docs pyproject.toml --output-file requirements.lock --quiet
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --constraints requirements.lock \
	    --no-header --no-annotate --extra s3 --extra jobs pyproject.toml --output-file docker/image.lock --quiet

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build site *.egg-info
