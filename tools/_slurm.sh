# What slurm_train.sh and slurm_test.sh share; to be sourced.

# run_on_slurm PARTITION JOB_NAME TOOL ARGUMENTS...: one task per GPU.
run_on_slurm() {
  local partition=$1 job=$2 tool=$3 gpus=${GPUS:-8} more=()
  local per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
  read -ra more <<<"${SRUN_ARGS:-}"
  MASTER_PORT=${PORT:-${MASTER_PORT:-29500}} srun \
    --partition="$partition" --job-name="$job" --gres="gpu:$per_node" \
    --ntasks="$gpus" --ntasks-per-node="$per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 ${more[@]+"${more[@]}"} \
    python -u "$(dirname "$0")/$tool" "${@:4}" --launcher slurm
}
