#!/usr/bin/env bash
# Sets up what is missing and runs the whole test suite. Arguments go to
# pytest: ./tools/run_tests.sh tests/surge -x
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_setup.sh"

use_environment
plan 60 480 60 20
set_up 'import sklearn, skimage, tensorboard, pytest, pytest_timeout, hypothesis, mkdocstrings' \
  -r requirements/tests.txt -r requirements/docs.txt
"$PY" -m pytest "$@"
