#!/bin/sh
# A machine of its own, as far as its processes can tell: systemd as PID 1 on this machine's files.
#
#   unshare --mount --pid --fork --kill-child --cgroup --uts --ipc --net sh boot_systemd.sh \
#       FOLDER PYTHON_PREFIX SITE_PACKAGES REPOSITORY
#
# What it changes goes to memory (an overlay). FOLDER is /shared there, with `units` to start from.
set -e
folder=$1 python=$2 site=$3 repository=$4
mount --make-rprivate /
mkdir "$folder/machine"
mount -t tmpfs tmpfs "$folder/machine"
cd "$folder/machine"
mkdir changes work root
mount -t overlay overlay -o lowerdir=/,upperdir=changes,workdir=work root
cd root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 ptmx:5:2; do
  IFS=: read -r name major minor <<END
$device
END
  mknod -m 666 "dev/$name" c "$major" "$minor"
done
mkdir dev/shm dev/pts dev/mqueue dev/hugepages
ln -s /proc/self/fd dev/fd
ip link set lo up
for place in "$python:opt/python" "$site:opt/site" "$repository:opt/repository" "$folder:shared"; do
  mkdir -p "${place#*:}"
  mount --bind "${place%:*}" "${place#*:}"
done
mkdir old
pivot_root . old
umount -l old
units=/shared/units:/etc/systemd/system:/run/systemd/system:/lib/systemd/system
exec env -i container=edgechain PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=$units \
  /lib/systemd/systemd --system --unit=machine.target
