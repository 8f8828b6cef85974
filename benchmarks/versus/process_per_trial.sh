#!/usr/bin/env bash
# Start a process for each trial in a loop: process_per_trial.sh WORKERS OPTIMIZERS B0S SEEDS
set -euo pipefail
workers=$1 optimizers=$2 b0s=$3 seeds=$4

for seed in $seeds; do
    for b0 in $b0s; do
        for optimizer in $optimizers; do
            echo "--optimizer $optimizer --b0 $b0 --seed $seed"
        done
    done
done | xargs -P "$workers" -L 1 python "$(dirname "$0")/train.py"
