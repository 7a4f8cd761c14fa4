"""The first stage on a host: reads a request from standard input, puts the code in place, hands over to the driver.

It travels whole with every request, so it is short, and it is written in what Python 2.7 can still parse, so that an
old interpreter gets a sentence and not a syntax error. It must not know what a request means.

A request is a line with a JSON header, then as many bytes as its `lengths` say: the code (a zip, may be empty when
this host is believed to have it), the payload, and what is special for this host. A reply is a line with `REPLY` and
a length, then so many bytes of JSON. What has been done before there is a reply is told on standard error, a line
with `TOLD` and JSON each time: Ansible's own connections hand that over even when they break.
"""

import errno
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile

REPLY = "RECONCILER-REPLY"
BEGUN = "RECONCILER-BEGUN"
TOLD = "RECONCILER-TOLD"
KEPT = 8
NEW = ".new-"


def digest(files):
    """The hash that names code: SHA-256 over names and contents, given as (name, bytes), in the order of names."""
    total = hashlib.sha256()
    for name, content in sorted(files):
        total.update(("%s\n%d\n" % (name, len(content))).encode("utf-8"))
        total.update(content)
    return total.hexdigest()


def frame(reply):
    """The bytes of a reply. ASCII only, so that nothing on the way can change them."""
    text = json.dumps(reply)
    return ("\n%s %d\n%s\n" % (REPLY, len(text), text)).encode("ascii")


def tell(outcomes):
    """Say what has been done so far. That nobody listens any more is no reason to leave the rest undone."""
    try:
        sys.stderr.write("%s %s\n" % (TOLD, json.dumps(outcomes)))
        sys.stderr.flush()
    except (IOError, OSError, ValueError):
        pass


def place(asked):
    """Where code is kept: as asked, or root's own directory, or the user's cache."""
    if asked:
        return asked
    if os.geteuid() == 0:
        return "/var/lib/reconciler/code"
    return os.path.join(os.path.expanduser("~"), ".cache", "reconciler", "code")


def private(path):
    """Make sure that only this user can write to a directory, creating it if need be. Raises OSError."""
    try:
        os.makedirs(path, 0o700)
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise
    state = os.lstat(path)
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o022:
        raise OSError(errno.EPERM, "others can write to it, so it is not safe to use", path)


def _contents(path):
    files = []
    for directory, below, names in os.walk(path):
        below[:] = [name for name in below if name != "__pycache__"]
        for name in names:
            full = os.path.join(directory, name)
            with open(full, "rb") as stream:
                files.append((os.path.relpath(full, path), stream.read()))
    return files


def intact(path, name):
    """Whether a directory holds the code of that name, and only this user can have put it there."""
    try:
        private(os.path.dirname(path))
        state = os.lstat(path)
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) != 0o700:
            return False
        if digest(_contents(path)) != name:
            return False
        os.utime(path, None)
    except OSError:
        return False
    return True


def unpack(data, path):
    """The files of a zip, below an existing directory."""
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.startswith("/") or ".." in name.split("/"):
                raise ValueError("odd name in the code: %r" % name)
        archive.extractall(path)


def _forget(home):
    """Remove the code that was used longest ago, beyond the newest few."""
    # What is being unpacked right now is nobody's to remove.
    paths = [os.path.join(home, name) for name in os.listdir(home) if not name.startswith(NEW)]
    for path in sorted(paths, key=os.path.getmtime, reverse=True)[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def _settle(fresh, path, name):
    """Put unpacked code in its place. Several runs may do so at once, and others may be using what is there."""
    try:
        os.rename(fresh, path)
    except OSError:  # something is there already
        if intact(path, name):
            shutil.rmtree(fresh, ignore_errors=True)
            return
        aside = tempfile.mkdtemp(prefix=NEW, dir=os.path.dirname(path))
        os.rename(path, os.path.join(aside, "damaged"))
        os.rename(fresh, path)
        shutil.rmtree(aside, ignore_errors=True)


def keep(home, name, data):
    """Unpack code under its name, for the next visit too. Raises OSError."""
    private(home)
    path = os.path.join(home, name)
    fresh = tempfile.mkdtemp(prefix=NEW, dir=home)
    try:
        unpack(data, fresh)
        _settle(fresh, path, name)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    _forget(home)
    return path


def borrow(data):
    """Unpack code for this visit only, where there is no room to keep it. Raises OSError."""
    shared = "/dev/shm"  # noqa: S108 - mkdtemp makes a private directory in it
    path = tempfile.mkdtemp(prefix="reconciler-", dir=shared if os.access(shared, os.W_OK) else None)
    unpack(data, path)
    return path


def _exactly(stream, length):
    data = stream.read(length)
    if len(data) != length:
        sys.exit("reconciler: the request was cut off, nothing was done")
    return data


def _answer(header, code, payload, host):
    home, name = place(header["home"]), header["code"]
    path, borrowed = os.path.join(home, name), False
    if not intact(path, name):
        if not code:
            return {"status": "need_code"}
        try:
            path = keep(home, name, code)
        except OSError:
            path, borrowed = borrow(code), True
    sys.path.insert(0, path)
    sys.dont_write_bytecode = borrowed
    try:
        from reconciler_host import driver

        return driver.answer(json.loads(payload.decode("utf-8")), json.loads(host.decode("utf-8")), path, tell)
    finally:
        if borrowed:
            shutil.rmtree(path, ignore_errors=True)


def main(stream):
    """Answer one request. Whatever happens there is a reply, unless the request was cut off."""
    sys.path[:] = [entry for entry in sys.path if entry not in ("", ".")]
    header = json.loads(stream.readline().decode("ascii"))
    code, payload, host = [_exactly(stream, length) for length in header["lengths"]]
    sys.stderr.write(BEGUN + "\n")
    sys.stderr.flush()
    version = "%d.%d" % sys.version_info[:2]
    if sys.version_info < (3, 8):
        reply = {"status": "refused", "reason": "%s is Python %s; 3.8 or newer is needed" % (sys.executable, version)}
    else:
        try:
            reply = _answer(header, code, payload, host)
        except Exception as error:  # noqa: BLE001 - the controller must hear of it, whatever it is
            reply = {"status": "broken", "reason": "%s: %s" % (type(error).__name__, error)}
    out = os.fdopen(os.dup(1), "wb")
    out.write(frame(reply))
    out.flush()


if __name__ == "__main__":
    main(globals()["stream"])
