#!/usr/bin/env bash
# Fill a cache of answers on several GPUs of one or more nodes. Without a GPU,
# GPUS counts processes, which then talk over gloo.
# Usage: [NNODES=1 NODE_RANK=0 MASTER_ADDR=127.0.0.1 PORT=29500] \
#     tools/dist_cache_teacher.sh CONFIG GPUS [--option ...]
set -e
if ! [ "$2" -gt 0 ] 2>/dev/null; then
    sed -n '2,5s/^# *//p' "$0" >&2
    exit 2
fi
CONFIG=$1
GPUS=$2
NNODES=${NNODES:-1}
NODE_RANK=${NODE_RANK:-0}
PORT=${PORT:-29500}
MASTER_ADDR=${MASTER_ADDR:-127.0.0.1}
ROOT=$(dirname "$0")/..

# In place of this shell, which would keep a signal to itself.
PYTHONPATH=$ROOT:$PYTHONPATH \
exec python "$ROOT/tools/torchrun.py" \
    --nnodes="$NNODES" \
    --node_rank="$NODE_RANK" \
    --master_addr="$MASTER_ADDR" \
    --master_port="$PORT" \
    --nproc_per_node="$GPUS" \
    "$ROOT/tools/cache_teacher.py" "$CONFIG" --launcher pytorch "${@:3}"
