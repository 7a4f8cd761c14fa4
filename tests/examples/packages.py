"""What stands in the lab's apt repository for packages of the examples: the same names, files and units, no more."""

from __future__ import annotations

from tests.lab.aptrepo import Package

SLEEPER = "#!/bin/sh\ntrap 'echo reloaded >> /run/{name}.reloads' HUP\nwhile :; do sleep 3600 & wait; done\n"
UNIT = """[Service]
ExecStart=/usr/bin/{program}
ExecReload=/bin/kill -HUP $MAINPID
[Install]
WantedBy=multi-user.target
"""
NGINX = Package(
    "nginx",
    "1.22.1-9",
    {
        "/usr/bin/nginx": SLEEPER.format(name="nginx"),
        "/etc/nginx/nginx.conf": "include /etc/nginx/conf.d/*.conf;\n",
        "/etc/nginx/conf.d/README": "Put your servers here.\n",
        "/usr/lib/systemd/system/nginx.service": UNIT.format(program="nginx"),
    },
    {"postinst": "#!/bin/sh\nset -e\nsystemctl daemon-reload\nsystemctl enable --quiet --now nginx\n"},
)
"""As Debian has it: it runs once it is installed."""
LISTENER = """#!/usr/bin/python3
# Stands in for postgres: listens where its settings say, and says nothing.
import re
import signal
import socket
from pathlib import Path

signal.signal(signal.SIGHUP, signal.SIG_IGN)
settings = "".join(path.read_text() for path in sorted(Path("/etc/postgresql/15/main/conf.d").glob("*.conf")))
address = re.search(r"listen_addresses = '(.*)'", settings)
port = re.search(r"port = ([0-9]+)", settings)
server = socket.create_server((address[1] if address else "127.0.0.1", int(port[1]) if port else 5432))
while True:
    server.accept()[0].close()
"""
POSTGRESQL = Package(
    "postgresql-15",
    "15.8-0",
    {
        "/usr/bin/postgres": LISTENER,
        "/etc/postgresql/15/main/pg_hba.conf": "local all postgres peer\n",
        "/etc/postgresql/15/main/conf.d/README": "Put your settings here.\n",
        "/usr/lib/systemd/system/postgresql@.service": UNIT.format(program="postgres"),
    },
    {"postinst": "#!/bin/sh\nset -e\nuseradd --system postgres || true\nsystemctl daemon-reload\n"},
)
