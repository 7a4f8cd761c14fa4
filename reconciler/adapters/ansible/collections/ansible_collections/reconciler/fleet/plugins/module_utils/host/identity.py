"""Which machine this is. A hash, since a machine id is not to be shown around (see machine-id(5))."""

import hashlib
import os


def identify(root):
    """The same text for as long as it is the same machine; for a directory as root, device and inode. Else empty."""
    if root:
        state = os.stat(root)
        return f"root:{state.st_dev}:{state.st_ino}"
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            with open(path, encoding="ascii") as stream:
                machine = stream.read().strip()
        except (OSError, UnicodeDecodeError):
            continue
        if machine:
            return "machine:" + hashlib.sha256(b"reconciler\n" + machine.encode("ascii")).hexdigest()[:32]
    return ""
