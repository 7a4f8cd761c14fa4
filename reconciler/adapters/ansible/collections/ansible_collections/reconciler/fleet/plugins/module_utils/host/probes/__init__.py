"""Answers to queries: what is on this host, as plain JSON without floats. Probes look, they never change anything.

A probe is a module here with `answer(queries, root)`: a list of queries of that probe to a list of facts, in
order. It gets all queries of its name at once, so that one look (one dpkg-query, one systemctl) serves them all.
`root` is "" or the directory that stands for `/`.
"""

import importlib

PROBES = (
    "account",
    "authorized_key",
    "command",
    "cron",
    "line",
    "package",
    "path",
    "sysctl",
    "systemd",
)


def answer(queries, root=""):
    """Facts for each query, in order. Never raises: what can't be answered is `{"error": reason}`."""
    by_probe = {}
    for index, query in enumerate(queries):
        by_probe.setdefault(query.get("probe"), []).append(index)
    facts = [None] * len(queries)
    for probe, indexes in by_probe.items():
        for index, fact in zip(indexes, _ask(probe, [queries[i] for i in indexes], root)):
            facts[index] = fact
    return facts


def _ask(probe, queries, root):
    if probe not in PROBES:
        return [{"error": f"this host's probes do not know {probe!r}"}] * len(queries)
    try:
        return importlib.import_module("." + probe, __name__).answer(queries, root)
    except Exception as error:  # noqa: BLE001 - a probe that breaks leaves its facts unknown, not the others
        return [{"error": f"{type(error).__name__}: {error}"}] * len(queries)
