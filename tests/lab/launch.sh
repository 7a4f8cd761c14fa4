#!/bin/sh
# Becomes one machine: joins its cgroup, puts its own writes over the shared base, and is then replaced by systemd-nspawn.
# Runs in a mount namespace of its own, so that every mount made here ends with the machine.
# Usage: launch.sh CGROUP BASE MACHINE-FOLDER NAME NSPAWN-NAME MACHINE-ID APT-REPOSITORY
set -eu
cgroup=$1 base=$2 folder=$3 name=$4 registered=$5 id=$6 apt=$7

echo $$ > "$cgroup/cgroup.procs"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
# One form of cgroups for every machine, also where the computer has version 1 beside it.
[ "$(stat --file-system --format=%T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup

# What nspawn notes of its machines stays behind when it is killed; here it is only the machine's.
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn

exec systemd-nspawn --quiet --register=no --keep-unit --directory="$folder/root" --boot --console=pipe \
    --machine="$registered" --hostname="$name" --uuid="$id" \
    --link-journal=no --resolv-conf=off --timezone=off \
    --bind-ro="$folder/ssh:/etc/ssh/lab" --bind-ro="$apt:/srv/lab-apt"
