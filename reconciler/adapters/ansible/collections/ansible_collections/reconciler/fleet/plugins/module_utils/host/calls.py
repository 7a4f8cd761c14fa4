"""One call of an Ansible module: its arguments made ready, the module run in a fork, its answer understood.

The fork keeps one module from harming the next. Must not know works, keys or epochs.
"""

import atexit
import base64
import contextlib
import gc
import importlib
import json
import os
import shutil
import signal
import sys
import time
import traceback

from . import progress

SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
OUTPUT = 16 * 1024 * 1024
MESSAGE = 2000


class Answer:
    """What came of a call. `said` is the module's own text, `told` is ours: only ours is fit for sensitive works."""

    def __init__(self, failed=False, changed=False, said="", told=""):
        self.failed = failed
        self.changed = changed
        self.said = said
        self.told = told


def has(program):
    """Whether the host has a program, also where only root looks."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":" + SYSTEM_PATH) is not None


def arguments(call, root, scratch):
    """The module's arguments: paths put under the root, files written to the scratch directory. Raises OSError."""
    args = json.loads(json.dumps(call["args"]))
    if root:
        for path in call["paths"]:
            _amend(args, path.split("."), lambda value: _rooted(value, root))
    for number, (name, content) in enumerate(sorted(call["files"].items())):
        file = os.path.join(scratch, f"file-{number}")
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(base64.b64decode(content))
        _amend(args, name.split("."), lambda _, file=file: file, create=True)
    return args


def _rooted(value, root):
    if isinstance(value, list):
        return [_rooted(item, root) for item in value]
    return root + value if isinstance(value, str) and value.startswith("/") else value


def _amend(holder, steps, change, create=False):
    """Replace the value at a dotted path; what is not there stays so, unless it is to be created."""
    step = int(steps[0]) if isinstance(holder, list) else steps[0]
    there = step < len(holder) if isinstance(holder, list) else step in holder
    if len(steps) == 1:
        if there or create:
            holder[step] = change(holder[step] if there else None)
    elif there:
        _amend(holder[step], steps[1:], change, create)


def share(modules):
    """Import what modules import, once for all of them, before the forks; what can't be had they may do without.

    Python was started without site: looking needs no packages, but modules do.
    """
    import site

    site.main()
    for name in sorted({name for module in modules for name in module["imports"]}):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.freeze()  # a collection in a fork would touch, and so copy, all that is shared


def run(module, args, modlib, timeout, meanwhile):
    """Run a module in a fork. `module` has its name in Python, its profile and Ansible's own arguments.

    `timeout` is in seconds; `meanwhile` is called once if the module takes longer than a moment.
    """
    params = json.dumps({"ANSIBLE_MODULE_ARGS": dict(args, **module["internal"])}).encode("utf-8")
    from ansible.module_utils._internal._ansiballz import _loader

    def start():
        _loader.run_module(
            json_params=params, profile=module["profile"], module_fqn=module["fqn"], modlib_path=modlib, extensions={}
        )

    with _Output() as out, _Output() as err:
        status = forked(start, out, err, timeout, meanwhile)
        if status is None:
            return Answer(failed=True, told=f"no answer within {int(timeout)} seconds, so it was ended")
        return understand(out.text(), err.text(), status)


class _Output:
    """Where a module writes: in memory, so that neither a full pipe nor a full disk stops it."""

    def __enter__(self):
        self._handle = os.memfd_create("module") if hasattr(os, "memfd_create") else _temporary()
        return self

    def fileno(self):
        return self._handle

    def text(self):
        os.lseek(self._handle, 0, os.SEEK_SET)
        data = b""
        while len(data) < OUTPUT:
            chunk = os.read(self._handle, OUTPUT - len(data))
            if not chunk:
                break
            data += chunk
        return data.decode("utf-8", "replace")

    def __exit__(self, *_):
        os.close(self._handle)


def _temporary():
    import tempfile

    with tempfile.TemporaryFile() as stream:
        return os.dup(stream.fileno())


def forked(start, out, err, timeout, meanwhile=None):
    """Run a function in a fork. Its status as `os.waitpid` gives it, None after more than `timeout` seconds."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        _become(start, out, err)
    try:
        until = time.monotonic() + timeout
        if meanwhile:
            status = _ended(pid, min(until, time.monotonic() + progress.PAUSE))
            if status is not None:
                return status
            meanwhile()
        return _wait(pid, until)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _wait(pid, until):
    status = _ended(pid, until)
    if status is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # had it not come as far as a session of its own
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return status


def _ended(pid, until):
    """The status of a child, None if it has not ended by then."""
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        left = until - time.monotonic()
        if left <= 0 or (signal.sigtimedwait({signal.SIGCHLD}, left) is None and time.monotonic() >= until):
            return None


def _become(start, out, err):
    """Be the module: its own session, nothing to read, its output caught. Never returns."""
    code = 1
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (out.fileno(), 1), (err.fileno(), 2)):
            os.dup2(source, target)
        # What the driver holds open (its lock!) must not live on in a daemon that the module leaves behind.
        os.closerange(3, 256)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - ends with the process
        sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - likewise
        sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - likewise
        sys.argv = ["reconciler"]
        try:
            start()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        atexit._run_exitfuncs()
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - a fork must end here, whatever happens
        traceback.print_exc(file=sys.stderr)
    finally:
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(code & 0xFF)


def understand(out, err, status):
    """What a module's output means. Anything but its JSON is a failure."""
    result = _json(out)
    if result is None:
        if os.WIFSIGNALED(status):
            return Answer(failed=True, said=_tail(err), told=f"the module was ended by signal {os.WTERMSIG(status)}")
        return Answer(failed=True, said=_tail(err or out), told="the module gave no JSON")
    failed = result.get("failed", result.get("rc", 0) not in (0, "0", None))
    return Answer(bool(failed), bool(result.get("changed")), _message(result, failed))


def _json(out):
    """The JSON object in the output; modules that call noisy programs print lines around it."""
    for text in [out, *reversed(out.splitlines())]:
        if text.lstrip().startswith("{"):
            with contextlib.suppress(ValueError, RecursionError):
                result = json.loads(text)
                if isinstance(result, dict):
                    return result
    return None


def _message(result, failed):
    said = result.get("msg")
    text = said if isinstance(said, str) else "" if said is None else json.dumps(said)
    if not failed:
        return text[:MESSAGE]
    for cause in [*_causes(result.get("exception")), *_failures(result.get("failures"))]:
        if cause not in text:
            text = f"{text}: {cause}" if text else cause
    more = str(result.get("stderr") or "").strip()
    if more and more not in text:
        text = text + ": " + _tail(more)
    return (text or "the module failed without a word")[:MESSAGE]


def _causes(exception):
    """What Ansible noted as the error of a module, and what was behind it."""
    event = exception.get("event") if isinstance(exception, dict) else None
    while isinstance(event, dict):
        yield str(event.get("msg", ""))
        chain = event.get("chain")
        event = chain.get("event") if isinstance(chain, dict) else None


def _failures(listed):
    """What the dnf modules say of each package, beside words that name none."""
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []


def _tail(text):
    return text.strip()[-MESSAGE:]
