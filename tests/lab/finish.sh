#!/bin/sh
# Runs inside a fresh base tree, as root: makes it a small, fast and quiet machine for tests. A part of the recipe:
# changing anything here builds the base anew.
set -eu

# Every machine gets its own identity, host key and apt repository when it starts.
rm -f /etc/hostname /var/lib/dbus/machine-id /etc/ssh/ssh_host_*
: > /etc/machine-id
ln -s /etc/machine-id /var/lib/dbus/machine-id
echo 'Include /etc/ssh/lab/sshd.conf' > /etc/ssh/sshd_config.d/lab.conf

# root and ops log in with the key; ops may do anything, opspw has to give a password for it.
useradd --create-home --shell /bin/sh ops
useradd --create-home --shell /bin/sh opspw
echo "opspw:$OPSPW_PASSWORD" | chpasswd
echo 'ops ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/lab
echo 'opspw ALL=(ALL:ALL) ALL' >> /etc/sudoers.d/lab
chmod 0440 /etc/sudoers.d/lab

# The only apt source is the test's own repository, so that no test needs a network.
rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/* /var/cache/apt/*
mkdir -p /srv/lab-apt
echo 'deb [trusted=yes] file:/srv/lab-apt ./' > /etc/apt/sources.list
echo 'Acquire::Languages "none";' > /etc/apt/apt.conf.d/90lab
echo 'force-unsafe-io' > /etc/dpkg/dpkg.cfg.d/lab

# dnf is put away, since a host has one package manager: /usr/local/sbin/lab-dnf exchanges it for apt. Its packages come
# from /srv/lab-rpm, which is for a test to make.
mkdir -p /usr/lib/lab-dnf /srv/lab-rpm
mv /usr/bin/dnf /usr/bin/dnf-3 /usr/lib/lab-dnf/
rm -rf /etc/yum.repos.d
mkdir -p /etc/yum.repos.d
printf '[lab]\nname=lab\nbaseurl=file:///srv/lab-rpm\ngpgcheck=0\nmetadata_expire=0\n' > /etc/yum.repos.d/lab.repo
# This plugin would keep copies of what was installed, and want them signed.
sed -i 's/^enabled.*/enabled = false/' /etc/dnf/plugins/local.conf
cat > /usr/local/sbin/lab-dnf <<'SCRIPT'
#!/bin/sh
set -eu
mv /usr/bin/apt-get /usr/lib/lab-dnf/
mv /usr/lib/lab-dnf/dnf /usr/lib/lab-dnf/dnf-3 /usr/bin/
SCRIPT
chmod 0755 /usr/local/sbin/lab-dnf

# Kernel settings are read-only in a container. Those of the machine's own IPC namespace are made writable. vm.swappiness
# belongs to the whole computer: a plain file stands in for it, so that tests can set it and harm nothing.
cat > /usr/local/sbin/lab-sysctl <<'SCRIPT'
#!/bin/sh
set -eu
for key in kernel/shmmni kernel/msgmax kernel/msgmnb fs/mqueue/msg_max fs/mqueue/queues_max; do
    mount --bind "/proc/sys/$key" "/proc/sys/$key"
    mount -o remount,bind,rw "/proc/sys/$key"
done
echo 60 > /run/lab-swappiness
mount --bind /run/lab-swappiness /proc/sys/vm/swappiness
SCRIPT
chmod 0755 /usr/local/sbin/lab-sysctl
cat > /etc/systemd/system/lab-sysctl.service <<'UNIT'
[Unit]
Description=Writable kernel settings of this machine
DefaultDependencies=no
Before=systemd-sysctl.service sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-sysctl

[Install]
WantedBy=sysinit.target
UNIT
systemctl enable --quiet lab-sysctl.service

# Nothing that makes the boot longer or wakes up during a test.
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\n' > /etc/systemd/journald.conf.d/lab.conf
systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer systemd-logind.service systemd-update-utmp.service \
    systemd-update-utmp-runlevel.service systemd-networkd-wait-online.service getty.target dev-hugepages.mount \
    sys-fs-fuse-connections.mount
rm -rf /usr/share/doc/* /usr/share/man/* /usr/share/info/* /usr/share/locale/* /var/log/*.log /var/log/apt/*
