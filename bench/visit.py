"""One visit of hosts with our carrier, as a program of its own, so that it is measured as a peer's program is.

Usage: python -m bench.visit BASE HOSTS WAY CHANGES NAME MODE. Changes 0 means to look at fifty files; the way is a
carrier, or "standard, kept". Of hosts that answer nobody (`hosts.SILENT`) some come first where NAME is "silent".
Prints when the last of those that answer had done so.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import hosts
from reconciler.adapters.ansible.carrier import AnsibleCarrier
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.model.delivery import Call, Delivery, Payload, Work
from reconciler.model.desired import Host
from reconciler.model.key import Key, Place


def payload(changes: int, name: str, mode: str) -> Payload:
    """Directories to make so, or files to look at."""
    if not changes:
        return Payload(
            {
                Key("file", path): {"probe": "path", "path": path, "want": ["content", "owner", "group", "mode"]}
                for path in (f"/etc/bench/{number}.conf" for number in range(hosts.FILES))
            }
        )
    works = []
    for number in range(changes):
        path = f"/srv/{name}/{number}"
        args = {"path": path, "state": "directory", "mode": mode}
        query = {"probe": "path", "path": path, "want": ["mode"]}
        works.append(Work(Key("directory", path), query, "", (Call("ansible.builtin.file", args, ("path",)),)))
    return Payload({work.key: work.query for work in works}, tuple(works))


def main() -> int:
    base, count, way, changes, name, mode = sys.argv[1:]
    kept = way == "standard, kept"
    settings = SshSettings(
        keep_connections=300 * kept,
        user="root",
        private_key_file=f"{base}/key",
        known_hosts_file=f"{base}/known_hosts",
        config_file="/dev/null",
        cache_dir=f"{base}/cache",
        forks=10,
        carrier="standard" if kept else way,
    )
    what = payload(int(changes), name, mode)
    addresses = [hosts.address(number) for number in range(int(count))]
    places = [Host(at, Place("hosts.yaml"), address=at, port=hosts.PORT) for at in addresses]
    silent = list(_silent()) if name == "silent" else []
    deliveries = [Delivery(host, what, 1, "bench") for host in (*silent, *places)]
    last, began, replies = 0.0, time.monotonic(), []
    for reply in AnsibleCarrier(settings).carry(deliveries, lambda: False):
        replies.append(reply)
        if reply.status == "done":
            last = time.monotonic() - began
    names = {host.name for host in silent}
    wrong = [reply for reply in replies if reply.status != ("unreachable" if reply.host in names else "done")]
    for reply in wrong[:5]:
        print(reply.host, reply.status, reply.reason)
    print(f"last {last:.1f}")
    return 1 if wrong or len(replies) != len(deliveries) or not Path(base).exists() else 0


def _silent() -> Iterator[Host]:
    for port in hosts.SILENT:
        for number in range(hosts.SILENT_EACH):
            yield Host(f"{port}-{number}", Place("hosts.yaml"), address=hosts.address(number), port=port)


if __name__ == "__main__":
    sys.exit(main())
