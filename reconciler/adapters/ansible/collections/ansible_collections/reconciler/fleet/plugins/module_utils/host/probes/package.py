"""Packages of the system: which versions are installed, in what state, held or not. dpkg or rpm, found out here.

Takes `{"name": …, "want": ["versions", "held"]}`; answers `{"status": …}` and what is wanted. The status is `absent`
or what dpkg calls it (`installed`, `config-files`, `half-configured`, …); versions are more than one where the system
keeps several beside each other. It must not know which version or state anybody wants.
"""

import os
import re
import shutil
import subprocess

SYSTEM_PATH = ":/usr/sbin:/usr/bin:/sbin:/bin"
"""Searched too, since a login that is not root's may look in less than root does."""
ABSENT = {"status": "absent"}
DPKG_FORMAT = "${Package}\t${Architecture}\t${db:Status-Want}\t${db:Status-Status}\t${Version}\n"
RPM_FORMAT = "@\t%{NAME}\t%{ARCH}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n"
DNF_LOCKS = "/etc/dnf/plugins/versionlock.list"
DNF5_LOCKS = "/etc/dnf/versionlock.toml"
SETTLED = ("installed", "triggers-awaited", "triggers-pending")
"""What is whole for dpkg; triggers that are still due run with the next package."""


def answer(queries, root=""):
    names = sorted({query["name"] for query in queries})
    manager, problem = _manager()
    if problem:
        return [{"error": problem} for _ in queries]
    found = (_dpkg if manager == "apt" else _rpm)(names)
    return [_wanted(found[query["name"]], query["want"]) for query in queries]


def _wanted(facts, want):
    return {field: value for field, value in facts.items() if field == "status" or field in want}


def _manager():
    """`apt` or `dnf`, or why it can't be told. The same programs decide which module runs when something changes."""
    apt = _has("apt-get") and _has("dpkg-query")
    dnf = (_has("dnf-3") or _has("dnf5")) and _has("rpm")
    if apt and dnf:
        return "", "both apt-get and dnf are here: it can't be told which of them looks after the packages"
    if not (apt or dnf):
        return "", "neither apt-get nor dnf is here: other package managers are not known"
    return ("apt" if apt else "dnf"), ""


def _has(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + SYSTEM_PATH) is not None


def _dpkg(names):
    native = _run(["dpkg", "--print-architecture"]).strip()
    # Exit code 1 and words on stderr are how it says that some of the names are not known.
    listing = _run(["dpkg-query", "--show", "--showformat", DPKG_FORMAT, "--", *names], accept=(0, 1))
    return read_dpkg(listing, names, native)


def read_dpkg(listing, names, native):
    """Facts by name from dpkg-query's listing. A name without `:architecture` is the native one, as for apt."""
    rows = {}
    for line in listing.splitlines():
        package, architecture, want, status, version = line.split("\t")
        rows[package, architecture] = (want, status, version)
    return {name: _dpkg_facts(name, rows, native) for name in names}


def _dpkg_facts(name, rows, native):
    package, _, architecture = name.partition(":")
    for candidate in (architecture,) if architecture else (native, "all"):
        want, status, version = rows.get((package, candidate), ("", "not-installed", ""))
        if status == "not-installed":
            continue
        versions = [] if status == "config-files" else [version]
        whole = "installed" if status in SETTLED else status
        return {"status": whole, "versions": versions, "held": want == "hold"}
    return dict(ABSENT)


def _rpm(names):
    listing = _run(["rpm", "--query", "--queryformat", RPM_FORMAT, "--", *names], accept=range(256))
    if not listing.strip():
        raise RuntimeError("rpm gave no answer")
    return read_rpm(listing, names, _read(DNF_LOCKS) + _read(DNF5_LOCKS))


def read_rpm(listing, names, locks):
    """Facts by name from rpm's listing and the text of dnf's lock lists. A name may end in `.architecture`."""
    versions = {}
    for line in listing.splitlines():
        if line.startswith("@\t"):
            package, architecture, version = line.split("\t")[1:]
            for name in (package, package + "." + architecture):
                versions.setdefault(name, []).append(version)
    return {
        name: {"status": "installed", "versions": sorted(set(versions[name])), "held": _locked(name, locks)}
        if name in versions
        else dict(ABSENT)
        for name in names
    }


def _locked(name, locks):
    # dnf 4 writes `name-epoch:version-release.arch` lines, dnf 5 a table of TOML with `name = "…"`.
    name = re.escape(name)
    return bool(re.search(rf'(?m)^({name}-\d+:|name *= *"{name}"$)', locks))


def _run(command, accept=(0,)):
    environment = dict(os.environ, LC_ALL="C.UTF-8", LANGUAGE="")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
    if done.returncode not in accept:
        raise RuntimeError(f"{command[0]}: {done.stderr.decode('utf-8', 'replace').strip()[:300]}")
    return done.stdout.decode("utf-8", "replace")


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read() + "\n"
    except FileNotFoundError:
        return ""
