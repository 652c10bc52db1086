#!/bin/sh
# What both images install into /opt/venv: the stack, then the package.
#     docker/install.sh stack | package
set -eu

VENV=/opt/venv
PATH=$VENV/bin:$PATH
TESTED='-c requirements/constraints.txt'
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

stack() {
  apt-get update
  apt-get install -y --no-install-recommends build-essential ca-certificates \
    python3 python3-dev python3-venv
  python3 -m venv $VENV
  # shellcheck disable=SC2086  # two words
  pip install -r requirements/build.txt $TESTED
  # mmcv's operators: the flags are those of docs/get_started/install.md.
  # shellcheck disable=SC2086
  MMCV_WITH_OPS=1 CFLAGS='-O2 -g0' pip install --no-build-isolation \
    -r requirements/onedl.txt -r requirements/runtime.txt -r requirements/demo.txt \
    -r requirements/export.txt $TESTED
  # Without a screen there is no libGL, which the other build of OpenCV asks for.
  pip uninstall -y opencv-python opencv-python-headless
  # shellcheck disable=SC2086
  pip install --no-deps opencv-python-headless $TESTED
  python -c 'import cv2, mmcv.ops, mmdet'
}

package() {
  pip install --no-build-isolation --no-deps .
  cd /
  python -c 'from surge_mmdet.kernels import ops; assert ops.compiled_kernels()'
}

"${1:?write stack or package}"
