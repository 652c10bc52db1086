# make lint | test | test-fast | docs. PYTHON=... chooses another interpreter.
PYTHON ?= python

.PHONY: lint test test-fast docs
lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest

test-fast:
	$(PYTHON) -m pytest -m 'not slow and not dist and not gpu'

docs:
	$(PYTHON) -m mkdocs build --strict
	@echo "Open work_dirs/site/index.html. For the search box: $(PYTHON) -m http.server -d work_dirs/site"
