#!/usr/bin/env bash
# Usage: tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [arguments of tools/test.py]
# Needs one GPU per process: MMEngine's launcher selects a GPU for each.
set -euo pipefail
[ $# -ge 3 ] || { sed -n 2,3p "$0" | sed 's/^# //' >&2; exit 2; }
config=$1 checkpoint=$2 processes=$3
python -m torch.distributed.run --nproc_per_node="$processes" --master_port="${PORT:-29500}" \
  "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher pytorch "${@:4}"
