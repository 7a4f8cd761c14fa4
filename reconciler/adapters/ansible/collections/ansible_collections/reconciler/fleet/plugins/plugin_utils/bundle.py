"""Makes one archive of code out of Ansible modules, what they import, and the host side of this collection.

Ansible builds each module's payload (AnsiballZ); this takes the archive out of each, and merges them. A bundle is
made once a run, under a lock, and kept in the operator's cache for the next run. It must not know requests or hosts.
"""

from __future__ import annotations

import ast
import base64
import fcntl
import hashlib
import importlib.util
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.release import __version__
from ansible_collections.reconciler.fleet.plugins.module_utils import host as host_package
from ansible_collections.reconciler.fleet.plugins.module_utils.host import loader
from ansible_collections.reconciler.fleet.plugins.plugin_utils import files, imports

HOST_PACKAGE = "reconciler_host"
MODULES = "reconciler_modules.json"
OF_THE_HOST = ("_ansible_tmpdir", "_ansible_remote_tmp", "_ansible_socket")


class Unfit(Exception):
    """The modules can't be bundled; says which and why."""


@dataclass(frozen=True)
class Code:
    """A bundle: its name, and a zip."""

    digest: str
    data: bytes


@dataclass(frozen=True)
class Places:
    """The run's own directory, and the operator's cache."""

    run: Path
    cache: Path


def bundle(action: ActionBase, modules: Sequence[str], variables: dict[str, Any], places: Places) -> Code:
    """The code for some modules (none: for looking only). Raises Unfit."""
    key = hashlib.sha256(json.dumps([__version__, sorted(modules), _host_side_digest()]).encode()).hexdigest()[:32]
    with _locked(places.run / "bundles" / f"{key}.lock"):
        ready = places.run / "bundles" / key
        if not ready.exists():
            files.write(ready, _kept(action, modules, variables, places.cache / "bundles" / key))
    return _unwrap(ready.read_bytes())


def _kept(action: ActionBase, modules: Sequence[str], variables: dict[str, Any], path: Path) -> bytes:
    """The bundle from the cache, made anew if a source file has changed since."""
    files.private(path.parent)
    sources = path.with_suffix(".sources")
    try:
        if all(_stamp(Path(name)) == stamp for name, stamp in json.loads(sources.read_bytes()).items()):
            return path.read_bytes()
    except (OSError, ValueError, AttributeError):
        pass
    contents = _build(action, modules, variables)
    data = _wrap(contents)
    files.write(path, data)
    files.write(sources, json.dumps({str(s): _stamp(s) for s in _sources(contents) if s.exists()}).encode())
    return data


def _build(action: ActionBase, modules: Sequence[str], variables: dict[str, Any]) -> dict[str, bytes]:
    contents = {f"{HOST_PACKAGE}/{name}": data for name, data in _host_side()}
    described: dict[str, Any] = {}
    for module in modules:
        payload = _payload(action, module, variables)
        described[module] = {**payload.description, "imports": imports.shared(payload.contents, payload.description)}
        for name, data in payload.contents.items():
            if contents.setdefault(name, data) != data:
                raise Unfit(f"the Ansible modules {', '.join(modules)} bring different versions of {name}")
    contents[MODULES] = json.dumps(described, sort_keys=True).encode()
    return contents


@dataclass(frozen=True)
class _Payload:
    contents: dict[str, bytes]
    description: dict[str, Any]


def _payload(action: ActionBase, module: str, variables: dict[str, Any]) -> _Payload:
    """Ansible's own payload for a module, taken apart."""
    arguments: dict[str, Any] = {}
    fixed = {**variables, "ansible_python_interpreter": "/usr/bin/python3"}  # the shebang is not used; don't discover
    try:
        action._update_module_args(module, arguments, fixed)
        built, _ = action._configure_module(module, arguments, fixed)
    except AnsibleError as error:
        collection = ".".join(module.split(".")[:2])
        hint = (
            f"; install it: ansible-galaxy collection install {collection}" if collection != "ansible.builtin" else ""
        )
        raise Unfit(f"the Ansible module {module} can't be used: {error}{hint}") from error
    wrapper = _wrapper_arguments(built.b_module_data, module)
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(wrapper["zip_data"]))) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    internal = json.loads(wrapper["params"])["ANSIBLE_MODULE_ARGS"]
    internal = {name: value for name, value in internal.items() if name not in OF_THE_HOST}
    # Arguments of modules don't belong in a host's system log: they hold secrets.
    internal["_ansible_no_log"] = True
    return _Payload(contents, {"fqn": wrapper["module_fqn"], "profile": wrapper["profile"], "internal": internal})


def _wrapper_arguments(source: bytes, module: str) -> dict[str, str]:
    """The literal arguments that Ansible's wrapper script passes to its own main function."""
    wanted = {"zip_data", "module_fqn", "profile", "params"}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        tree = ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_ansiballz_main":
            found = {word.arg: word.value for word in node.keywords if word.arg in wanted}
            values = {str(name): value.value for name, value in found.items() if isinstance(value, ast.Constant)}
            if set(values) == wanted:
                return values
    raise Unfit(
        f"the Ansible module {module} is not a Python module that can be bundled with ansible-core {__version__}"
    )


def _host_side() -> Iterator[tuple[str, bytes]]:
    top = Path(host_package.__file__).parent
    for path in sorted(top.rglob("*.py")):
        yield str(path.relative_to(top)), path.read_bytes()


def _host_side_digest() -> str:
    return loader.digest(_host_side())


def _sources(contents: dict[str, bytes]) -> Iterator[Path]:
    """The files on this machine that a bundle was made from, as far as they have one."""
    for name in contents:
        top, *below = name.split("/")
        if top == "ansible":
            yield Path(ansible.__file__).parent.joinpath(*below)
        elif top == "ansible_collections" and len(below) > 3:
            package = importlib.util.find_spec(f"{top}.{below[0]}.{below[1]}")
            for location in (package.submodule_search_locations or ()) if package else ():
                yield Path(location, *below[2:])


def _stamp(path: Path) -> list[int]:
    state = path.stat()
    return [state.st_size, state.st_mtime_ns]


def _wrap(contents: dict[str, bytes]) -> bytes:
    """The digest in the first line, then a zip that is the same for the same contents."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(contents.items()):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return loader.digest(contents.items()).encode() + b"\n" + output.getvalue()


def _unwrap(data: bytes) -> Code:
    digest, _, archive = data.partition(b"\n")
    return Code(digest.decode(), archive)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
