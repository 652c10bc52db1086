#!/usr/bin/env bash
# Usage: tools/dist_train.sh CONFIG PROCESSES [arguments of tools/train.py]
# Without GPUs add: --cfg-options env_cfg.dist_cfg.backend=gloo
set -euo pipefail
[ $# -ge 2 ] || { sed -n 2,3p "$0" | sed 's/^# //' >&2; exit 2; }
config=$1 processes=$2
python -m torch.distributed.run --nproc_per_node="$processes" --master_port="${PORT:-29500}" \
  "$(dirname "$0")/train.py" "$config" --launcher pytorch "${@:3}"
