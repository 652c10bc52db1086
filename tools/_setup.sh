# Shared by quickstart.sh and run_tests.sh: one environment, one way to
# install it, and steps that show progress and name their remedy.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
LOGS=$ROOT/work_dirs/setup_logs
mkdir -p "$LOGS"
STEP=0
LEFT=0 # expected seconds of all steps that are still to come

clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# plan SECONDS...: the expected durations of the steps to come, in order
plan() {
  PLAN=("$@")
  LEFT=0
  local seconds
  for seconds in "$@"; do LEFT=$((LEFT + seconds)); done
}

take_plan() {
  EXPECTED=${PLAN[0]:-0}
  PLAN=("${PLAN[@]:1}")
  LEFT=$((LEFT - EXPECTED))
  STEP=$((STEP + 1))
}

# skip TITLE: a step whose work is already there
skip() {
  take_plan
  printf '[%2d] %s: already done\n' "$STEP" "$1"
}

# step TITLE REMEDY COMMAND...: run with a progress line, the output in a log
step() {
  local title=$1 remedy=$2 log started now spent said=0 status=0
  shift 2
  take_plan
  log=$LOGS/$(printf '%02d' "$STEP")-${title//[^A-Za-z0-9]/-}.log
  started=$(date +%s)
  printf '[%2d] %s (about %s, then %s more)\n' \
    "$STEP" "$title" "$(clock "$EXPECTED")" "$(clock "$LEFT")"
  # A process group of its own, so that Ctrl-C here can end all of it.
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  local pid=$! beat=${BEAT:-30} # seconds from line to line
  set +m
  trap 'stop_step "$pid"' INT TERM HUP
  [ -t 1 ] && beat=1
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    now=$(date +%s) spent=$((now - started))
    [ $((spent % beat)) -eq 0 ] || continue
    [ -t 1 ] && printf '\r\033[K' || true
    said=$(tell_news "$log" "$said")
    printf '     %s elapsed, %s  %s' "$(clock "$spent")" \
      "$(time_left "$log" "$spent")" "$(last_words "$log")"
    [ -t 1 ] || printf '\n'
  done
  wait "$pid" || status=$?
  trap - INT TERM HUP
  [ -t 1 ] && printf '\r\033[K' || true
  said=$(tell_news "$log" "$said")
  if [ "$status" -ne 0 ]; then
    printf '\nFAILED: %s (exit status %d)\n' "$title" "$status" >&2
    tail -n 15 "$log" >&2
    printf '\nThe whole log: %s\nRemedy: %s\nThen run this command again; ' \
      "$log" "$remedy" >&2
    printf 'it goes on where it stopped.\n' >&2
    exit 1
  fi
  printf '     done in %s\n' "$(clock $(($(date +%s) - started)))"
}

stop_step() { # stop_step PID: end a step and all it started
  kill -TERM -- "-$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
  printf '\nstopped; run this command again to go on\n' >&2
  exit 130
}

# What a training or a compilation says about its own progress.
last_words() {
  grep -aoE 'Epoch\(train\) +\[[0-9]+\]\[[ 0-9/]+\].*eta: [^a-z]*(days?, [0-9:]+)?|\[[0-9]+/[0-9]+\]' "$1" |
    tail -n 1 | sed -E 's/  +lr: [^ ]+ +/ /' | tr -s ' '
}

# time_left LOG SPENT: by the step's own progress, else by the plan
time_left() {
  local own
  own=$(awk -v spent="$2" -f "$ROOT/tools/_time_left.awk" "$1")
  if [ -n "$own" ]; then
    printf 'about %s left in all' "$(clock $((own + LEFT)))"
  elif [ "$2" -le "$EXPECTED" ]; then
    printf 'about %s left in all' "$(clock $((EXPECTED - $2 + LEFT)))"
  else
    printf 'longer than planned; then about %s more' "$(clock "$LEFT")"
  fi
}

# tell_news LOG SAID: prints what a person should see at once to the terminal,
# beyond the first SAID lines of it; the answer is the number of lines by now.
tell_news() {
  local news
  news=$(grep -aoE 'Detections after .*' "$1") || true
  [ -z "$news" ] || tail -n "+$(($2 + 1))" <<<"$news" | sed 's/^/     /' >&2
  [ -z "$news" ] && echo 0 || wc -l <<<"$news"
}

need_command() { # need_command NAME PACKAGE
  command -v "$1" >/dev/null && return
  echo "FAILED: $1 is missing. Remedy: apt-get install $2, then run again." >&2
  exit 1
}

# The first interpreter of a tested version, python3 before others.
tested_python() {
  local name
  for name in python3 python3.12 python3.11 python3.10; do
    "$name" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
      >/dev/null 2>&1 && echo "$name" && return
  done
  echo 'FAILED: Python 3.10, 3.11 or 3.12 is needed. Remedy: install one, or run' >&2
  echo 'this command in an active virtual environment of another version.' >&2
  return 1
}

use_environment() {
  if [ -z "${VIRTUAL_ENV:-}" ]; then
    need_command python3 'python3 python3-venv python3-dev'
    if ! "$ROOT/.venv/bin/python" -m pip --version >/dev/null 2>&1; then
      local python
      python=$(tested_python) || exit 1
      rm -rf .venv
      "$python" -m venv .venv || {
        rm -rf .venv
        echo 'FAILED. Remedy: apt-get install python3-venv python3-dev' >&2
        exit 1
      }
    fi
    export VIRTUAL_ENV=$ROOT/.venv
    export PATH=$VIRTUAL_ENV/bin:$PATH
  fi
  PY=$VIRTUAL_ENV/bin/python
  if ! [ -x "$PY" ]; then
    echo "FAILED: $PY does not exist. Remedy: run deactivate, then again." >&2
    exit 1
  fi
  echo "environment: $VIRTUAL_ENV"
  "$PY" surge_mmdet/environment.py --before-install || exit 1
}

# stamp FILE...: changes when one of the files does
stamp() { cat "$@" | cksum | tr -d ' '; }

pip_install() {
  "$PY" -m pip install --disable-pip-version-check \
    -c requirements/constraints.txt "$@"
}

# From another folder: the checkout itself must not count as installed.
has() { (cd / && "$PY" -c "$1") >/dev/null 2>&1; }

install_build_tools() { pip_install -r requirements/build.txt; }

# A cached wheel may lack the operators or belong to another torch: then
# compile afresh. Python's own flags ask for debug symbols, which take as long
# as the code itself; CFLAGS replaces these flags, so it must ask for speed.
install_mmcv() {
  local spec
  spec=$(grep -E '^onedl-mmcv==' requirements/onedl.txt)
  export MMCV_WITH_OPS=1 MAX_JOBS="${MAX_JOBS:-$(nproc)}" CFLAGS="${CFLAGS:--O2 -g0}"
  pip_install -v --no-build-isolation "$spec"
  repair_cv2
  has 'import mmcv.ops' && return
  pip_install -v --no-build-isolation --no-cache-dir --force-reinstall \
    --no-deps "$spec"
  "$PY" -c 'import mmcv.ops'
}

# opencv-python needs libGL, which a machine without a screen may not have.
repair_cv2() {
  has 'import cv2' && return
  "$PY" -m pip uninstall -y opencv-python opencv-python-headless
  pip_install --no-deps --force-reinstall opencv-python-headless
}

install_stack() {
  pip_install --no-build-isolation -r requirements/onedl.txt \
    -r requirements/runtime.txt -r requirements/demo.txt "$@"
  repair_cv2
  "$PY" -c 'import cv2, mmdet'
}

install_package() {
  pip_install --no-build-isolation --no-deps -e .
  "$PY" -m surge_mmdet.environment
}

set_up() { # set_up PROBE REQUIREMENTS...: four steps; PROBE imports the rest
  local probe=$1
  shift
  if has 'import torch, setuptools, wheel, ninja, psutil, numpy'; then
    skip 'torch and build tools'
  else
    step 'torch and build tools' \
      'check the network and the disk (3 GB), see requirements/build.txt' \
      install_build_tools
  fi
  if has 'import mmcv.ops'; then
    skip 'mmcv with its operators'
  else
    need_command g++ build-essential
    step 'mmcv with its operators (compiled)' \
      'apt-get install build-essential python3-dev; on a small machine set MAX_JOBS=1' \
      install_mmcv
  fi
  if has "import cv2, mmdet, msgspec, safetensors; $probe"; then
    skip 'mmdet and what it needs'
  else
    step 'mmdet and what it needs' \
      'check the network; the tested versions are in requirements/constraints.txt' \
      install_stack "$@"
  fi
  if has "import surge_mmdet, pathlib
assert pathlib.Path(surge_mmdet.__file__).is_relative_to('$ROOT')" &&
    { ls surge_mmdet/kernels/_C*.so || ! command -v g++; } >/dev/null 2>&1; then
    skip 'surge_mmdet (editable)'
  else
    step 'surge_mmdet (editable)' \
      'python -m surge_mmdet.environment says what is wrong' install_package
  fi
}
