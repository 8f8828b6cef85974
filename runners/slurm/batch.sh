# The sweep of one job of Slurm: starts Ray on all nodes if there are several, runs the sweep, and
# asks Slurm to run the job again if time or a preemption ended it.

# Starts in a row without a new result or checkpoint, after which the job is not run again.
STARTS_WITHOUT_PROGRESS=3
USER_ERROR=2 INCOMPLETE=3 FAILED=4

restarts=${SLURM_RESTART_COUNT:-0}
progress=$results/.slurm-$SLURM_JOB_ID
signals=0
running=
ray_step=
again=

say() {
    echo "adaloss-sweep: job $SLURM_JOB_ID: $*" >&2
}

# Slurm sends TERM before the time limit, at a preemption and at scancel.
stop() {
    signals=$((signals + 1))
    [[ -z $running ]] || kill -TERM "$running" 2>/dev/null
}

# The exit code of a process, which a signal to this script does not interrupt.
wait_for() {
    local before code
    while true; do
        before=$signals
        wait "$1"
        code=$?
        [[ $signals == "$before" ]] && return "$code"
    done
}

# Runs a command that a signal to this script ends in order.
run() {
    local code
    "$@" &
    running=$!
    ((signals == 0)) || kill -TERM "$running"
    wait_for "$running"
    code=$?
    running=
    return "$code"
}

# Says which nodes do not see a file; /tmp, for example, is another folder on each node.
check_nodes() {
    local look='
        for file; do
            [[ -e $file ]] && continue
            echo "adaloss-sweep: node $SLURMD_NODENAME does not see $file" >&2
            unseen=1
        done
        exit ${unseen:-0}'
    srun --kill-on-bad-exit=0 bash -c "$look" look "$progress" "${data[@]}" \
        "${needed[@]}"
}

# The first port from here on at which nobody listens.
free_port() {
    local port=$1
    while (: </dev/tcp/"$head"/"$port") 2>/dev/null; do
        port=$((port + 1))
    done
    echo "$port"
}

# Ray's folder; not one that another user has put there.
create_folder() {
    mkdir -p -m 700 "$RAY_TMPDIR" && [[ -O $RAY_TMPDIR ]] && return
    echo "adaloss-sweep: $RAY_TMPDIR on node $SLURMD_NODENAME cannot be created or is another user's" >&2
    return 1
}

# Runs on each node. Everything that jobs on the same node could share is the job's own: folder,
# ports, token.
ray_on_this_node() {
    # scancel ends the nodes' Ray in this way.
    trap 'kill -TERM "$ray" 2>/dev/null' TERM
    if [[ $SLURM_NODEID == 0 ]]; then
        set -- --head --node-ip-address="$head" --port="$port" --include-dashboard=false "$@"
    else
        set -- --address="$RAY_ADDRESS" "$@"
    fi
    create_folder || exit 1
    # Without Slurm's number, Ray finds the GPUs itself.
    "$programs/ray" start --block --disable-usage-stats --node-name="$SLURMD_NODENAME" \
        --num-cpus="$SLURM_CPUS_ON_NODE" ${SLURM_GPUS_ON_NODE:+--num-gpus="$SLURM_GPUS_ON_NODE"} \
        --object-store-memory=200000000 --min-worker-port=0 --max-worker-port=0 \
        --dashboard-agent-listen-port=0 "$@" &
    ray=$!
    wait "$ray"
    # A signal ends the first wait before Ray has ended.
    wait "$ray"
}

start_ray() {
    local names
    mapfile -t names < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
    # Not the loopback address that Debian gives a machine's own name.
    head=$({ getent ahostsv4 "$(hostname)"; hostname -I | tr ' ' '\n'; } |
        awk '/^[0-9]+\./ && !/^127\./ {print $1; exit}')
    if [[ -z $head ]]; then
        say "$(hostname) has no IPv4 address that other nodes can reach"
        return 1
    fi
    port=$(free_port $((20000 + SLURM_JOB_ID % 10000)))
    export RAY_ADDRESS=$head:$port RAY_AUTH_MODE=token
    RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
    export RAY_AUTH_TOKEN head port programs
    # With grpc installed, Ray starts a server for clients, on one port for all unless told otherwise.
    local client=()
    if "$programs/python" -c 'import grpc' 2>/dev/null; then
        client=(--ray-client-server-port="$(free_port $((port + 10000)))")
    fi
    srun --cpu-bind=none --kill-on-bad-exit=0 --wait=0 --label \
        bash -c "$(declare -f create_folder ray_on_this_node); ray_on_this_node \"\$@\"" ray "${client[@]}" \
        >"$results/slurm-ray.log" 2>&1 &
    ray_step=$!
    run "$programs/python" -P -m runners.on_ray.nodes_joined "${names[@]}"
}

# Whether Ray on the first of several nodes has ended, which ends the command with any exit code.
# Ray notices after a second that one of its servers has died, and then ends the others.
ray_is_lost() {
    local look
    [[ -n $ray_step ]] || return 1
    for look in 1 2 3; do
        ((look == 1)) || sleep 1
        (: </dev/tcp/"$head"/"$port") 2>/dev/null || return 0
    done
    return 1
}

# Not ray stop, which ends the Ray of every job of this user on the node.
end_ray() {
    if [[ -n $ray_step ]]; then
        # At a signal srun kills its step, and nothing is left to remove the folders.
        kill -TERM "$ray_step" 2>/dev/null
        wait_for "$ray_step"
        srun --kill-on-bad-exit=0 rm -rf "$RAY_TMPDIR" >>"$results/slurm-ray.log" 2>&1
    fi
    rm -rf "$RAY_TMPDIR"
}

# Asks Slurm to run this job again, unless Slurm has ended it or it makes no progress.
run_again() {
    local state since
    state=$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T)
    if [[ $state != RUNNING ]]; then
        say "stopped; Slurm says that the job is ${state:-gone}, so this does not ask to run it again"
        return
    fi
    since=$(<"$progress")
    if [[ -n $(find "$results/trials" -newer "$progress" \
        \( -name result.json -o -name 'checkpoint*' \) -print -quit 2>/dev/null) ]]; then
        echo $((restarts + 1)) >"$progress"
    elif ((restarts + 1 - since >= STARTS_WITHOUT_PROGRESS)); then
        say "no trial ended and no checkpoint was written in $STARTS_WITHOUT_PROGRESS starts, so the" \
            "job is not run again: raise --time, or lower execution.checkpoint_interval"
        rm -f "$progress"
        return
    fi
    say "the sweep is not complete: the job is queued again and will continue"
    # This ends the script.
    scontrol requeue "$SLURM_JOB_ID" || say "Slurm does not queue the job again: submit it again to continue"
}

trap stop TERM
# The second is how adaloss-sweep keeps Ray to one machine; sbatch passes on what it was called with.
unset RAY_ADDRESS RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER
# With sbatch --export=NONE, srun would keep from its tasks what is exported here.
export SLURM_EXPORT_ENV=ALL
# Short, because Ray's sockets are below it, and on each node's own disk.
export RAY_TMPDIR=/tmp/ray-$SLURM_JOB_ID-$restarts
export RAY_ENABLE_UV_RUN_RUNTIME_ENV=0
# At scancel a node's Ray would wait for half a minute for trials that have ended.
export RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=0
# The command creates this file if it ends before its trials do.
export ADALOSS_CUT_SHORT=$RAY_TMPDIR/cut-short

# Slurm starts a job whose folder is missing in /tmp instead.
if ! cd "$folder" || ! mkdir -p "$results" "${data[@]}"; then
    say "node $SLURMD_NODENAME does not see $folder, or cannot create $results ${data[*]}"
    exit "$USER_ERROR"
fi
create_folder || exit "$USER_ERROR"
[[ -e $progress ]] || echo "$restarts" >"$progress"
if ! check_nodes; then
    say "put these on a folder that all nodes see under the same path"
    rm -rf "$progress" "$RAY_TMPDIR"
    exit "$USER_ERROR"
fi

code=$INCOMPLETE
if ((SLURM_JOB_NUM_NODES == 1)) || start_ray; then
    run "$programs/adaloss-sweep" "${arguments[@]}"
    code=$?
    case $code in
        0 | "$USER_ERROR") ;;
        # Without the file, all trials of this run have ended, or too many have failed, and another
        # start changes nothing.
        "$INCOMPLETE" | "$FAILED") [[ ! -e $ADALOSS_CUT_SHORT ]] || again=yes ;;
        *) if ((signals)) || ray_is_lost; then again=yes; fi ;;
    esac
else
    again=yes
fi
end_ray

if [[ -n $again ]]; then
    run_again
else
    ((code != INCOMPLETE)) || say "all trials of this run have ended, so the job is not queued again"
    rm -f "$progress"
fi
exit "$code"
