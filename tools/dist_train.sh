#!/usr/bin/env bash
# Usage: tools/dist_train.sh CONFIG PROCESSES [arguments of tools/train.py]
# Needs one GPU per process: MMEngine's launcher selects a GPU for each.
set -euo pipefail
[ $# -ge 2 ] || { sed -n 2,3p "$0" | sed 's/^# //' >&2; exit 2; }
config=$1 processes=$2
python -m torch.distributed.run --nproc_per_node="$processes" --master_port="${PORT:-29500}" \
  "$(dirname "$0")/train.py" "$config" --launcher pytorch "${@:3}"
