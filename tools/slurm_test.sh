#!/usr/bin/env bash
# Usage: tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]
# Environment: GPUS (8), GPUS_PER_NODE (8, or GPUS if fewer), CPUS_PER_TASK (5), SRUN_ARGS, PORT.
# One task per GPU; MMEngine's launcher takes rank and address from Slurm.
set -euo pipefail
[ $# -ge 4 ] || { sed -n 2,4p "$0" | sed 's/^# //' >&2; exit 2; }
partition=$1 job=$2 config=$3 checkpoint=$4
. "$(dirname "$0")/_slurm.sh"
run_on_slurm "$partition" "$job" test.py "$config" "$checkpoint" "${@:5}"
