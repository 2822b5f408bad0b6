#!/usr/bin/env bash
# Train on a slurm cluster.
# Usage: [GPUS=8 GPUS_PER_NODE=8 CPUS_PER_TASK=5 SIGNAL_TIME=300 SRUN_ARGS=] \
#     tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [--option ...]
#
# SIGNAL_TIME seconds before the job's time is up, SIGUSR1 lets the training
# save and end with status 138. srun cannot start it again, but a batch script
# can; there sbatch has to ask for the signal, as srun does for a job of its own
# alone:
#     #SBATCH --signal=USR1@300 --requeue
#     bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR --resume
#     [ $? -ne 138 ] || scontrol requeue "$SLURM_JOB_ID"
# At preemption slurm sends it where PreemptParameters has send_user_signal, and
# otherwise SIGTERM, if there is a GraceTime.
set -e
if [ $# -lt 4 ]; then
    sed -n '2,4s/^# *//p' "$0" >&2
    exit 2
fi
PARTITION=$1
JOB_NAME=$2
CONFIG=$3
WORK_DIR=$4
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
CPUS_PER_TASK=${CPUS_PER_TASK:-5}
SIGNAL_TIME=${SIGNAL_TIME:-300}
ROOT=$(dirname "$0")/..

# SRUN_ARGS is meant to be split into words.
# shellcheck disable=SC2086
PYTHONPATH=$ROOT:$PYTHONPATH \
exec srun -p "$PARTITION" \
    --job-name="$JOB_NAME" \
    --gres=gpu:"$GPUS_PER_NODE" \
    --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" \
    --cpus-per-task="$CPUS_PER_TASK" \
    --kill-on-bad-exit=1 \
    --signal=USR1@"$SIGNAL_TIME" \
    $SRUN_ARGS \
    python -u "$ROOT/tools/train.py" "$CONFIG" --work-dir="$WORK_DIR" --launcher slurm "${@:5}"
