#!/bin/sh
# Installs what the tests need beside Python, where that is possible: root on a system with apt. Says what it does.
# Anywhere else it changes nothing and succeeds: the tests then say what was left out.
set -eu

missing=""
need() { command -v "$1" > /dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"; }
need debootstrap debootstrap
need systemd-nspawn systemd-container
need sshd openssh-server
need ssh openssh-client
need git git
need sudo sudo
need unshare util-linux
need chromium chromium
need promtool prometheus # the last one: see below

[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "not root: the machine tests will be left out (they also need:$missing)" >&2
    exit 0
fi
if ! command -v apt-get > /dev/null 2>&1; then
    echo "no apt here: the machine tests will be left out (they need:$missing)" >&2
    exit 0
fi
echo "installing for the tests:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# A package that brings a daemon starts it: this computer wants the program, not a second SSH service.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 0755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update
others="${missing% prometheus}"
# shellcheck disable=SC2086  # one word for each package
[ -z "$others" ] || apt-get install -y --no-install-recommends $others
# Of Prometheus only its tool is wanted, not a server that starts with this computer.
if [ "$others" != "$missing" ]; then
    work="$(mktemp -d)"
    (cd "$work" && apt-get -o APT::Sandbox::User=root download prometheus && dpkg-deb -x prometheus_*.deb .)
    install -m 0755 "$work/usr/bin/promtool" /usr/local/bin/promtool
    rm -rf "$work"
fi
