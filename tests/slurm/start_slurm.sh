#!/usr/bin/env bash
# One machine as a whole Slurm cluster, for tests: munged, slurmctld and slurmd started by hand under one folder.
#
#   tests/slurm/start_slurm.sh install         Debian's slurm-wlm and munge through apt, if missing
#   tests/slurm/start_slurm.sh start FOLDER    starts the daemons and waits until a job can run
#   tests/slurm/start_slurm.sh stop FOLDER     cancels all jobs and stops the daemons
#
# Afterwards `export SLURM_CONF=FOLDER/slurm.conf PATH=FOLDER/bin:$PATH` makes sbatch, srun, squeue and scancel speak to
# it. Partitions: cpu (default) and gpu, both the same machine; no accounting. Exit code 77: cannot run here.
set -euo pipefail

PATH=$PATH:/usr/sbin

cannot() { echo "no Slurm here: $*" >&2; exit 77; }

installed() { for command in slurmctld slurmd munged sbatch; do command -v "$command" > /dev/null || return 1; done; }

install() {
    ! installed || return 0
    [ "$(id -u)" = 0 ] || cannot "not root"
    command -v apt-get > /dev/null || cannot "no apt-get"
    export DEBIAN_FRONTEND=noninteractive
    local packages="apt-get install -y -qq --no-install-recommends slurm-wlm munge"
    $packages > /dev/null || { apt-get update -qq && $packages > /dev/null; } || cannot "apt-get failed"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Memory is counted, not enforced: jobs may ask for more than a small machine has.
configure() {
    dd if=/dev/urandom of="$folder/munge.key" bs=1 count=128 status=none
    chmod 400 "$folder/munge.key"
    local host
    host=$(hostname -s)
    mkdir -p "$folder/state" "$folder/spool"
    cat > "$SLURM_CONF" << END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CryptoType=crypto/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
GresTypes=gpu
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=32000 Gres=gpu:1 State=UNKNOWN
PartitionName=cpu Nodes=$host Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=$host MaxTime=INFINITE State=UP
END
    # a GPU to count, with no device behind it
    echo "NodeName=$host Name=gpu File=/dev/null" > "$folder/gres.conf"
    # Snakemake's job step drops SLURM_CONF from the environment of its srun
    mkdir -p "$folder/bin"
    printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(command -v srun)" > "$folder/bin/srun"
    chmod 755 "$folder/bin/srun"
}

start() {
    [ "$(id -u)" = 0 ] || cannot "not root"
    installed || cannot "slurm-wlm and munge are not installed. Install them: $0 install"
    mkdir -p "$folder"
    # munged refuses a socket in a folder that others may write to, and slurmstepd needs to reach it
    chmod 755 "$folder"
    configure
    munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
        --log-file="$folder/munged.log" --seed-file="$folder/munged.seed" 2>> "$folder/munged.log"
    slurmctld -c
    slurmd -c
    for _ in $(seq 60); do
        if sinfo --noheader --format %T 2> /dev/null | grep -q idle; then return; fi
        sleep 0.5
    done
    tail -n 5 "$folder"/*.log >&2
    stop
    cannot "the node did not come up within 30 s"
}

stop() {
    scancel --full --quiet --user root 2> /dev/null && sleep 1 || true
    for daemon in slurmd slurmctld munged; do
        [ -s "$folder/$daemon.pid" ] || continue
        local pid
        pid=$(cat "$folder/$daemon.pid")
        # a number in a file may by now be another process's
        [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = "$daemon" ] || continue
        kill "$pid"
        for _ in $(seq 50); do [ -d "/proc/$pid" ] && sleep 0.1 || break; done
        [ ! -d "/proc/$pid" ] || kill -9 "$pid"
    done
}

case ${1:-} in
    install) install ;;
    start | stop)
        folder=$(realpath -m "${2:?a folder for the cluster}")
        export SLURM_CONF=$folder/slurm.conf
        "$1"
        ;;
    *) echo "usage: $0 install | start FOLDER | stop FOLDER" >&2; exit 2 ;;
esac
