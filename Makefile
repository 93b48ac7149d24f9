# Negative Sampling Lab. `make help` lists the targets; each makes .venv itself when needed.
PYTHON ?= python3
JUPYTER_FLAGS ?=
PYTEST_FLAGS ?=
NB ?=
SUBMISSIONS ?=
GRADE_FLAGS ?=
LOCK_FLAGS ?=
BENCH ?=
BROWSER_FLAGS ?=

PY := .venv/bin/python
# Exists only while .venv holds a complete install: an interrupted one leaves none, and is rebuilt from scratch.
STAMP := .venv/.complete
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help install lab test browser-test bench site notebooks notebooks-check exercises exercises-check grade lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{printf "  make %-16s %s\n", $$1, $$2}'

install: $(STAMP) ## make .venv with the pinned packages (minutes the first time, then nothing)
	@echo ".venv is ready."

lab: $(STAMP) ## open JupyterLab on notebooks/00_start_here.ipynb; flags: JUPYTER_FLAGS="--no-browser --port 9999"
	@$(PY) -m jupyterlab --config=tools/lab/jupyter_server_config.py --ip=127.0.0.1 --ServerApp.root_dir=. \
		--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(JUPYTER_FLAGS)

test: $(STAMP) ## run every test and every notebook (about 9 minutes); flags: PYTEST_FLAGS="-k losses"
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_FLAGS)

browser-test: .venv/.site ## open every notebook and the site in Chromium and move every control; flags: BROWSER_FLAGS="-k 05"
	@$(PY) -m pytest -n 2 --maxschedchunk 1 --override-ini testpaths= tests/browser $(BROWSER_FLAGS)

bench: .venv/.bench .venv/.site ## measure beside the peers and write benchmarks/RESULTS.md; one part only: BENCH=sampling
	@$(PY) -m benchmarks $(BENCH)

site: .venv/.site ## build the published course into build/site: open build/site/index.html, no server needed
	@$(PY) -m tools.site.build

notebooks: $(STAMP) ## run the notebooks and store their outputs for committing; one only: NB=notebooks/05_temperature.ipynb
	@$(PY) -m tools.lab.store_notebooks $(NB)

notebooks-check: $(STAMP) ## run the notebooks with 1 and with 2 threads: the text must be the stored one, exactly
	@$(PY) -m tools.lab.store_notebooks --check $(NB)

exercises: $(STAMP) ## write exercises/ from solutions/
	@$(PY) -m tools.exercises.build

exercises-check: $(STAMP) ## fail if exercises/ is not what solutions/ gives
	@$(PY) -m tools.exercises.build --check

grade: $(STAMP) ## grade a folder of submissions into graded/: SUBMISSIONS=dir GRADE_FLAGS="--seed 7 --jobs 4"
	@$(PY) -m tools.grading "$(SUBMISSIONS)" $(GRADE_FLAGS)

lock: $(STAMP) ## resolve pyproject.toml into the locks (needs uv); every version anew: LOCK_FLAGS=--upgrade
	@$(PY) -m tools.packages.lock $(LOCK_FLAGS)

clean: ## remove .venv and every cache
	@rm -rf .venv .pytest_cache .hypothesis .ruff_cache *.egg-info
	@find . -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# What only some targets need, beside the course's own packages.
.venv/.%: requirements-%.lock $(STAMP)
	@$(PY) -m pip install -qq -r $<
	@touch $@

$(STAMP): requirements.lock pyproject.toml tools/lab/overrides.json tools/lab/page_config.json
	@command -v $(PYTHON) >/dev/null || { \
		echo 'Python 3.11 or newer is needed, and there is no "$(PYTHON)" here: name yours with PYTHON=...'; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Python 3.11 or newer is needed, $(PYTHON) is %d.%d: name another with PYTHON=python3.12" % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'The venv module of $(PYTHON) is missing (Debian, Ubuntu: sudo apt install python3-venv).'; exit 1; }
	@echo 'Installing the pinned packages into .venv: a few minutes, once ...'
	@test -e $(STAMP) && rm $(STAMP) || $(PYTHON) -m venv --clear .venv
	@$(PY) -m pip install -qq -r requirements.lock
	@$(PY) -m pip install -qq --no-deps --no-build-isolation -e .
	@$(PY) -c 'import matplotlib.font_manager'  # makes the font cache now, not inside a notebook's first figure
	@mkdir -p .venv/share/jupyter/lab/settings && cp tools/lab/overrides.json .venv/share/jupyter/lab/settings  # no news prompt
	@mkdir -p .venv/etc/jupyter/labconfig && cp tools/lab/page_config.json .venv/etc/jupyter/labconfig  # no tabs for teachers
	@touch $(STAMP)
