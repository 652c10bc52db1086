#!/usr/bin/env bash
# Sets up what is missing and runs the whole test suite, a file at a time on
# each core. Arguments go to pytest: ./tools/run_tests.sh tests/surge -x
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_setup.sh"

use_environment
plan 60 400 60 20
set_up 'import sklearn, skimage, tensorboard, starlette, uvicorn, httpx2, playwright, xdist, pytest_timeout, hypothesis, mkdocstrings, vermin, mypy, onnxscript, onnxruntime' \
  -r requirements/tests.txt -r requirements/docs.txt -r requirements/export.txt
# One thread for each worker: more would wait for each other's cores. A worker
# needs 1 to 2 GB.
workers() { local cores; cores=$(nproc); echo $((cores < 4 ? cores : 4)); }
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
"$PY" -m pytest -n "${WORKERS:-$(workers)}" --dist loadfile "$@"
