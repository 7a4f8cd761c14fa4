"""Runs `ansible-inventory --list` in a directory and an environment of its own, and says in words why it failed.

Sources and plugins are the operator's code; variables that they yield are data, and ansible-inventory prints them
without rendering templates in them. Must not know what is made of the listing.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from reconciler.adapters.ansible import leash, reasons
from reconciler.adapters.ansible.directory import SHARED_MEMORY
from reconciler.adapters.inventory.settings import SourceSettings
from reconciler.model.errors import ReconcilerError, Retry, Stalled

LARGEST = 1024 * 1024 * 1024
"""Bytes of a listing. In shared memory, if there is that much."""
_TAIL = 64 * 1024
_HARMLESS = re.compile(r"/[\w@+=./ -]*")
_NEEDS = {
    "amazon.aws": "boto3 botocore",
    "google.cloud": "google-auth requests",
    "netbox.netbox": "pynetbox pytz",
    "openstack.cloud": "openstacksdk",
    "theforeman.foreman": "requests",
}
"""Python packages that plugins of well-known collections need."""


def listing(settings: SourceSettings) -> Any:
    """What it prints, as plain values. Raises Retry or Stalled."""
    source, program = settings.file(), _program(settings.program)
    for path in (str(source), *settings.collections):
        if not _HARMLESS.fullmatch(path):
            raise Stalled(f"{path!r} is not an absolute path of letters, digits and @ + = . / _ -", "make a link to it")
    with _directory() as directory:
        (directory / "ansible.cfg").write_text(_configuration(settings, source, directory))
        _run([str(program), "-i", str(source), "--list"], directory, settings)
        output = directory / "listing"
        if output.stat().st_size > LARGEST:
            raise Stalled(f"the listing has more than {LARGEST:,} bytes", "split the source into several")
        try:
            return orjson.loads(output.read_bytes())
        except orjson.JSONDecodeError:
            raise Stalled("ansible-inventory printed something that is no JSON", "try it by hand") from None


def _program(given: str) -> Path:
    beside = Path(sys.executable).parent / "ansible-inventory"
    found = given or (beside if os.access(beside, os.X_OK) else shutil.which("ansible-inventory"))
    if not found or not os.access(found, os.X_OK):
        name = given or "ansible-inventory"
        raise Stalled(f"there is no program {name}", "install ansible-core, or name it: program = …")
    return Path(found).absolute()


@contextmanager
def _directory() -> Iterator[Path]:
    """Only this user can enter it, and it is gone at the end: variables may hold secrets."""
    roomy = os.access(SHARED_MEMORY, os.W_OK) and shutil.disk_usage(SHARED_MEMORY).free > LARGEST
    path = Path(tempfile.mkdtemp(prefix="reconciler-", dir=SHARED_MEMORY if roomy else None))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _configuration(settings: SourceSettings, source: Path, directory: Path) -> str:
    """Everything pinned. Only what the operator names can be run, and what can't be read whole is a failure."""
    collections = [*settings.collections, str(Path.home() / ".ansible/collections"), "/usr/share/ansible/collections"]
    return f"""\
[defaults]
home = {directory}/home
local_tmp = {directory}/home/tmp
collections_path = {":".join(collections)}
fact_caching = memory
retry_files_enabled = False
deprecation_warnings = False
nocows = True
nocolor = True

[inventory]
enable_plugins = {", ".join(f"ansible.builtin.{name}" for name in _plugins(source))}
any_unparsed_is_failed = True
"""


def _plugins(source: Path) -> tuple[str, ...]:
    """How a source may be understood. A YAML file is never run as a script, whatever its mode says."""
    if source.is_dir():
        return "script", "auto", "yaml", "ini", "toml"
    if source.suffix in (".yml", ".yaml", ".json"):
        return "auto", "yaml"
    if source.suffix == ".toml":
        return ("toml",)
    return ("script",) if os.access(source, os.X_OK) else ("ini",)


def environment(given: Mapping[str, str], directory: Path, names: tuple[str, ...]) -> dict[str, str]:
    """What Ansible gets to see: the little that every program needs, and what the operator named."""
    named = {name: given[name] for name in names if name in given}
    return {**named, **leash.environment(dict(given), directory)}


def _run(command: list[str], directory: Path, settings: SourceSettings) -> None:
    """Its output goes to the file `listing`. Nothing of it is left when this returns or raises."""
    errors = directory / "errors"
    with (directory / "listing").open("xb") as output, errors.open("xb") as said:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment(os.environ, directory, settings.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=said,
            start_new_session=True,
        )
        try:
            status = process.wait(settings.timeout)
        except subprocess.TimeoutExpired:
            hint = "see why it takes so long, or allow more: timeout = …"
            raise Retry(f"reading it took more than {settings.timeout} s", hint) from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if status != 0:
        with errors.open("rb") as stream:
            raise failure(stream.read(_TAIL).decode(errors="replace"))


def failure(said: str) -> ReconcilerError:
    """Why ansible-inventory failed, from what it printed. The text is untrusted."""
    if found := re.search(r"unknown plugin '([\w.]{1,200})'", said):
        return _no_plugin(found[1])
    if found := re.search(r"Failed to import the required Python library \(([^)]{1,200})\)", said):
        library = reasons.shown(found[1])
        hint = f"install {library} for the Python that runs ansible-inventory"
        return Stalled(f"the inventory plugin needs the Python library {library}, which is not installed", hint)
    causes = [reasons.last_line(part.strip().partition("\n")[0]) for part in said.split("<<< caused by >>>")[1:]]
    cause = next((cause for cause in reversed(causes) if cause), "") or reasons.of_ansible(said)
    return Retry(f"ansible-inventory: {cause}", "try it by hand: ansible-inventory -i SOURCE --list")


def _no_plugin(plugin: str) -> Stalled:
    collection = plugin.rpartition(".")[0]
    needs = _NEEDS.get(collection)
    hint = f"install its collection: ansible-galaxy collection install {collection}" if collection else "check its name"
    also = f"; and what it needs: pip install {needs}" if needs else ""
    return Stalled(f"the inventory plugin {plugin} is not installed", f"{hint}{also}")
