#!/usr/bin/env bash
# A wheel for Linux on 64-bit ARM, kernels compiled, made on another machine by
# Debian's cross compiler:
#
#     ./tools/aarch64_wheel.sh [FOLDER]     # dist, if none is named
#
# Needs g++-aarch64-linux-gnu, and PyTorch for this machine: its headers are the
# same for all. PY names another interpreter.
set -euo pipefail
ROOT=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
OUT=$(realpath -m "${1:-$ROOT/dist}")
cd "$ROOT"

PY=${PY:-python}
TARGET=aarch64-linux-gnu
command -v $TARGET-g++ >/dev/null || {
  echo "$TARGET-g++ is not here: apt-get install g++-$TARGET" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The library asks for PyTorch's by their names alone, and its symbols are found when
# it is loaded. So the linker is content with empty libraries of these names.
mkdir "$work/torch"
for name in c10 torch torch_cpu torch_python; do
  $TARGET-gcc -shared -nostdlib -Wl,-soname,lib$name.so -x c /dev/null -o "$work/torch/lib$name.so"
done

"$PY" setup.py -q sdist --dist-dir "$work"
CC=$TARGET-gcc CXX=$TARGET-g++ LDSHARED="$TARGET-g++ -shared" LDCXXSHARED="$TARGET-g++ -shared" \
  LDFLAGS="-L$work/torch -Wl,--no-as-needed -lc10 -ltorch_cpu" \
  _PYTHON_HOST_PLATFORM=linux-aarch64 \
  "$PY" -m pip wheel -q --no-build-isolation --no-deps "$work"/surge_mmdet-*.tar.gz -w "$work/made"

# A build that fails leaves a wheel without kernels (setup.py): that is not what was asked for.
wheel=$(echo "$work"/made/*.whl)
"$PY" -m zipfile -e "$wheel" "$work/unpacked"
$TARGET-readelf -h "$work"/unpacked/surge_mmdet/kernels/_C*.so | grep -q AArch64 || {
  echo 'the kernels were not compiled for ARM; the lines above say why' >&2
  exit 1
}
mkdir -p "$OUT"
cp "$wheel" "$OUT"
echo "$OUT/$(basename "$wheel")"
