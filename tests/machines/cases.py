"""What is done with each kind in the story of `test_kinds`, and how the machine itself tells of it.

Data only. Commands run on the machine; none of them is the product's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
HASH = "$6$abcdefghijklmnop$" + "0123456789" * 8
UNIT = "[Service]\nExecStart=/bin/sleep infinity\n\n[Install]\nWantedBy=multi-user.target\n"
REMOVED = "removed"


@dataclass(frozen=True)
class Case:
    """`look` is a command that shows the resource, `there` what it prints after an apply; `meddle` changes it by hand,
    which has to be seen as drift of the field `drifts`. `gone` is what `look` prints when it has left Git."""

    resource: dict[str, Any]
    look: str
    there: str
    meddle: str
    drifts: str
    gone: str

    @property
    def key(self) -> tuple[str, str]:
        kind = next(iter(self.resource))
        return kind, self.resource[kind]


def _path(path: str) -> str:
    """Shows type, mode, owner and group of a path, or that it isn't there."""
    return f"stat -c '%F %a %U %G' {path} 2>/dev/null || echo none"


CASES = {
    "package": Case(
        {"package": "reconciler-demo", "version": "1.0"},
        look="dpkg-query -Wf '${db:Status-Status} ${Version}' reconciler-demo 2>/dev/null || echo none",
        there="installed 1.0",
        meddle="apt-get -qy remove reconciler-demo",
        drifts=REMOVED,
        gone="config-files 1.0",
    ),
    "group": Case(
        {"group": "crew", "gid": 4000},
        look="getent group crew || echo none",
        there="crew:x:4000:bob",
        meddle="groupmod -g 4444 crew",
        drifts="gid",
        gone="none",
    ),
    "user": Case(
        {"user": "alice", "uid": 4000, "group": "crew", "shell": "/bin/sh", "comment": "Alice"},
        look="getent passwd alice || echo none",
        there="alice:x:4000:4000:Alice:/home/alice:/bin/sh",
        meddle="usermod -s /bin/false alice",
        drifts="shell",
        gone="none",
    ),
    "user-groups": Case(
        {"user": "bob", "groups": ["crew", "adm"], "create_home": False},
        look="id -nG bob 2>/dev/null || echo none; ls -d /home/bob 2>/dev/null",
        there="bob adm crew",
        meddle="gpasswd -d bob crew",
        drifts="groups",
        gone="none",
    ),
    "user-password": Case(
        {"user": "carol", "password": HASH, "system": True, "remove_home": True},
        look="getent shadow carol | cut -d: -f2 || echo none",
        there=HASH,
        meddle="usermod --password '*' carol",
        drifts="password",
        gone="",
    ),
    "authorized_key": Case(
        {"authorized_key": "alice@laptop", "user": "alice", "key": PUBLIC_KEY, "options": ["no-pty"]},
        look="cat ~alice/.ssh/authorized_keys; cd /home/alice/.ssh && stat -c '%a %U' . authorized_keys",
        there=f"no-pty {PUBLIC_KEY} alice@laptop\n700 alice\n600 alice",
        meddle="sed -i 's/^no-pty //' /home/alice/.ssh/authorized_keys",
        drifts="options",
        gone="700 UNKNOWN\n600 UNKNOWN",
    ),
    "directory": Case(
        {"directory": "/srv/app", "owner": "alice", "group": "users", "mode": "2750"},
        look=_path("/srv/app"),
        there="directory 2750 alice users",
        meddle="chmod 0777 /srv/app",
        drifts="mode",
        gone="none",
    ),
    "file": Case(
        {"file": "/srv/app/config", "content": "greeting = {{ host.name }}\n", "owner": "alice", "mode": "0640"},
        look=f"{_path('/srv/app/config')}; cat /srv/app/config 2>/dev/null",
        there="regular file 640 alice users\ngreeting = lab-1",
        meddle="echo more >> /srv/app/config",
        drifts="content",
        gone="none",
    ),
    "file-attributes": Case(
        {"file": "/etc/empty", "group": "users", "mode": "0600"},
        look=_path("/etc/empty"),
        there="regular empty file 600 root users",
        meddle="chgrp root /etc/empty",
        drifts="group",
        gone="none",
    ),
    "link": Case(
        {"link": "/etc/app.conf", "target": "/srv/app/config"},
        look="readlink /etc/app.conf || echo none",
        there="/srv/app/config",
        meddle="ln -sfn /etc/passwd /etc/app.conf",
        drifts="target",
        gone="none",
    ),
    "line": Case(
        {"line": "no-root", "path": "/etc/ours.conf", "match": "^#?Root ", "text": "Root no"},
        look="cat /etc/ours.conf",
        there="first\nRoot no\nlast",
        meddle="sed -i 's/^Root no/Root yes/' /etc/ours.conf",
        drifts="text",
        # A line that matched was there before, so it is not ours to remove.
        gone="first\nRoot no\nlast",
    ),
    "line-added": Case(
        {"line": "extra", "path": "/etc/theirs.conf", "text": "extra = yes"},
        look="cat /etc/theirs.conf",
        there="theirs\nextra = yes",
        meddle="sed -i /extra/d /etc/theirs.conf",
        drifts=REMOVED,
        gone="theirs",
    ),
    "unit": Case(
        {"unit": "app.service", "content": UNIT},
        look="systemctl cat app.service 2>/dev/null | grep -v '^#' || echo none; systemctl is-active app",
        there=f"{UNIT}active",
        meddle="echo Nice=5 >> /etc/systemd/system/app.service",
        drifts="content",
        gone="none\ninactive",
    ),
    "service": Case(
        {"service": "app", "state": "running", "enabled": True},
        look="systemctl is-active app; systemctl is-enabled app 2>/dev/null || echo none",
        there="active\nenabled",
        meddle="systemctl disable app",
        drifts="enabled",
        gone="inactive\nnone",
    ),
    "service-masked": Case(
        {"service": "cron", "masked": True, "state": "stopped"},
        look="systemctl is-enabled cron; systemctl is-active cron",
        there="masked\ninactive",
        meddle="systemctl unmask cron",
        drifts="masked",
        gone="masked\ninactive",
    ),
    "cron": Case(
        {"cron": "tidy up", "user": "alice", "minute": "*/5", "hour": 2, "job": "/bin/true --all"},
        look="crontab -l -u alice 2>/dev/null || echo none",
        there="#Ansible: tidy up\n*/5 2 * * * /bin/true --all",
        meddle="crontab -l -u alice | sed 's,/bin/true,/bin/false,' | crontab -u alice -",
        drifts="job",
        gone="none",
    ),
    "cron-special": Case(
        {"cron": "at start", "user": "root", "special": "reboot", "job": "/bin/true"},
        look="crontab -l 2>/dev/null",
        there="#Ansible: at start\n@reboot /bin/true",
        meddle="crontab -l | sed s/@reboot/@daily/ | crontab -",
        drifts="special",
        gone="",
    ),
    "sysctl": Case(
        {"sysctl": "kernel.msgmax", "value": 9000},
        look="cat /proc/sys/kernel/msgmax; grep -hs ^kernel.msgmax /etc/sysctl.d/*",
        there="9000\nkernel.msgmax = 9000",
        meddle="echo 9001 > /proc/sys/kernel/msgmax",
        drifts="value",
        gone="9000",
    ),
    "sysctl-persisted": Case(
        {"sysctl": "vm.swappiness", "value": "1"},
        look="cat /proc/sys/vm/swappiness; grep -hs ^vm.swappiness /etc/sysctl.d/*",
        there="1\nvm.swappiness = 1",
        meddle="sed -i s/=.*/=60/ /etc/sysctl.d/60-reconciler-vm.swappiness.conf",
        drifts="persisted",
        gone="1",
    ),
    "command": Case(
        {"command": "make-key", "run": "touch /etc/made-key", "creates": "/etc/made-key"},
        look="ls /etc/made-key 2>/dev/null || echo none",
        there="/etc/made-key",
        meddle="rm /etc/made-key",
        drifts=REMOVED,
        gone="/etc/made-key",
    ),
    "command-unless": Case(
        {"command": "once", "run": "echo ran >> /etc/ran", "shell": True, "unless": "test -s /etc/ran"},
        look="cat /etc/ran",
        there="ran",
        meddle=": > /etc/ran",
        drifts=REMOVED,
        gone="ran",
    ),
}


ADOPTED = {
    "file": Case(
        {"file": "/etc/before.conf", "content": "ours\n"},
        look="cat /etc/before.conf; stat -c '%a %U' /etc/before.conf",
        there="ours\n644 ops",  # nobody asks for another mode or owner
        meddle="echo theirs > /etc/before.conf",
        drifts="content",
        gone="ours\n644 ops",
    ),
    "directory": Case(
        {"directory": "/srv/before", "mode": "0700"},
        look=_path("/srv/before"),
        there="directory 700 root root",
        meddle="chmod 0755 /srv/before",
        drifts="mode",
        gone="directory 700 root root",
    ),
    "user": Case(
        {"user": "ops", "comment": "Operators"},
        look="getent passwd ops | cut -d: -f5",
        there="Operators",
        meddle="usermod -c Others ops",
        drifts="comment",
        gone="Operators",
    ),
    "group": Case(
        {"group": "adm", "gid": 4},
        look="getent group adm | cut -d: -f3",
        there="4",
        meddle="groupmod -g 4400 adm",
        drifts="gid",
        gone="4",
    ),
    "package": Case(
        {"package": "procps", "hold": True},
        look="apt-mark showhold; dpkg-query -Wf '${db:Status-Status}' procps",
        there="procps\ninstalled",
        meddle="apt-mark unhold procps",
        drifts="hold",
        gone="procps\ninstalled",
    ),
    "link": Case(
        {"link": "/etc/before.link", "target": "before.conf"},
        look="readlink /etc/before.link",
        there="before.conf",
        meddle="ln -sfn /dev/null /etc/before.link",
        drifts="target",
        gone="before.conf",
    ),
    "cron": Case(
        {"cron": "before", "user": "ops", "special": "daily", "job": "true"},
        look="crontab -l -u ops",
        there="#Ansible: before\n@daily true",
        meddle="crontab -l -u ops | sed s/daily/weekly/ | crontab -u ops -",
        drifts="special",
        gone="#Ansible: before\n@daily true",
    ),
    "authorized_key": Case(
        {"authorized_key": "before", "user": "ops", "key": PUBLIC_KEY},
        look="cat ~ops/.ssh/authorized_keys",
        there=f"{PUBLIC_KEY} before",
        meddle="sed -i s/before/after/ ~ops/.ssh/authorized_keys",
        drifts="comment",
        gone=f"{PUBLIC_KEY} before",
    ),
    "unit": Case(
        {"unit": "before.service", "content": UNIT},
        look="cat /etc/systemd/system/before.service",
        there=UNIT.strip(),
        meddle="echo Nice=5 >> /etc/systemd/system/before.service",
        drifts="content",
        gone=UNIT.strip(),
    ),
}
"""What is on the machine before, in order or not: it is looked after, and let go as it is when it leaves Git."""

EVERY = {**CASES, **{f"adopted-{name}": case for name, case in ADOPTED.items()}}

BEFORE = f"""
echo theirs > /etc/before.conf
chown ops /etc/before.conf
mkdir /srv/before
ln -s before.conf /etc/before.link
printf '#Ansible: before\n@daily true\n' | crontab -u ops -
install -d -m 0700 -o ops ~ops/.ssh
echo '{PUBLIC_KEY} before' > ~ops/.ssh/authorized_keys
cat > /etc/systemd/system/before.service <<'END'
{UNIT}END
printf 'first\n#Root maybe\nlast\n' > /etc/ours.conf
echo theirs > /etc/theirs.conf
"""
