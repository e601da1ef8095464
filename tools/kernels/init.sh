#!/bin/busybox sh
# The first program of a guest: the host's tree under an overlay as root, /lab/share to write
# results to, /lab/disk with room for O_DIRECT, then the job, then off.

say() { echo "lab: $*"; }
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev 2>/dev/null

# The names begin with their place in the order. One that is built in fails, and may.
for module in /modules/*.ko; do $b insmod "$module" 2>/dev/null; done

options=trans=virtio,version=9p2000.L,msize=512000
$b mkdir -p /lower /upper
$b mount -t 9p -o $options,cache=loose,ro hostroot /lower || say "no root over 9p"
$b mount -t tmpfs tmpfs /upper
$b mkdir /upper/data /upper/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work overlay /mnt ||
	say "no overlay"

$b mount -t proc proc /mnt/proc
$b mount -t sysfs sysfs /mnt/sys
$b mount --move /dev /mnt/dev 2>/dev/null || $b mount -t devtmpfs devtmpfs /mnt/dev
$b mkdir -p /mnt/dev/shm /mnt/dev/pts /mnt/lab/share /mnt/lab/disk
$b mount -t devpts devpts /mnt/dev/pts
# Not over /tmp: the clone may be there.
for folder in dev/shm run; do
	$b mkdir -p /mnt/$folder
	$b mount -t tmpfs -o mode=1777 tmpfs /mnt/$folder
done
$b mount -t 9p -o $options,cache=none share /mnt/lab/share || say "no share"
$b mount -t ext4 /mnt/dev/vda /mnt/lab/disk || say "no disk"
$b ip link set lo up || $b ifconfig lo 127.0.0.1 up
say "up after $($b cut -d' ' -f1 /proc/uptime) s"

$b chroot /mnt /bin/sh /lab/share/job.sh </dev/null
say "job ended with $?"
$b sync
echo o >/proc/sysrq-trigger
$b sleep 5
$b poweroff -f
