"""A snapshot's file: packed, and signed with a key of the operator's. Nothing of it is looked at before its signature
holds.

The keys are Ed25519 in the form that `ssh-keygen -t ed25519` writes; whoever reads needs the public one only. Must not
know what is in a snapshot.
"""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key

from reconciler.model.errors import Stalled

MAGIC = b"reconciler observations 1\n"
"""The first line of a file; a signature covers it, so that it is good for nothing else."""
LARGEST = 1 << 30
"""Bytes of a file, and of what is in it."""
_SIGNATURE = 64
_HOW = "make a pair: ssh-keygen -t ed25519 -N '' -f snapshot_key"


def write(path: Path, data: bytes, private_key_file: str) -> int:
    """Packs, signs and writes it, whole or not at all; how large the file is. Raises Stalled for a key that can't be
    used."""
    key = _private(private_key_file)
    packed = zlib.compress(data, 6)
    content = MAGIC + key.sign(MAGIC + packed) + packed
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_bytes(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return len(content)


def read(path: Path, public_key_file: str) -> bytes:
    """What was written. Raises Stalled for a file that nobody with the operator's key has signed."""
    key = _public(public_key_file)
    try:
        if path.stat().st_size > LARGEST:
            raise Stalled(f"{path} is larger than {LARGEST:,} bytes", "export it again")
        content = path.read_bytes()
    except OSError as error:
        hint = "reconciler observe export --out FILE writes one"
        raise Stalled(f"{path}: {error.strerror}", hint) from None
    if not content.startswith(MAGIC):
        raise Stalled(f"{path} is no snapshot of observations", "reconciler observe export --out FILE writes one")
    signature, packed = content[len(MAGIC) :][:_SIGNATURE], content[len(MAGIC) + _SIGNATURE :]
    try:
        key.verify(signature, MAGIC + packed)
    except InvalidSignature:
        raise Stalled(
            f"{path} is not signed with the key that snapshot.public_key_file names, or was altered since",
            "export it again, or name the right key",
        ) from None
    return _unpacked(path, packed)


def _unpacked(path: Path, packed: bytes) -> bytes:
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(packed, LARGEST)
    except zlib.error:
        data = b""
    if not data or unpacking.unconsumed_tail or not unpacking.eof:
        raise Stalled(f"{path} can't be unpacked", "export it again")
    return data


def _private(file: str) -> Ed25519PrivateKey:
    if not file:
        raise Stalled("there is no key to sign the snapshot with: set snapshot.private_key_file", _HOW)
    try:
        with Path(file).open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            data = opened.read(100_000)
    except OSError as error:
        raise Stalled(f"snapshot.private_key_file {file}: {error.strerror}", _HOW) from None
    if mode & 0o077:
        raise Stalled(f"others can read snapshot.private_key_file {file} (mode {mode:04o})", f"chmod 600 {file}")
    try:
        key = load_ssh_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Stalled(f"snapshot.private_key_file {file} is no Ed25519 key without a passphrase", _HOW)
    return key


def _public(file: str) -> Ed25519PublicKey:
    if not file:
        raise Stalled(
            "nobody says whose snapshots are trusted: set snapshot.public_key_file",
            "give the .pub file of the key that snapshots are signed with",
        )
    try:
        key = load_ssh_public_key(Path(file).read_bytes()[:100_000])
    except OSError as error:
        raise Stalled(f"snapshot.public_key_file {file}: {error.strerror}", "check the path") from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise Stalled(f"snapshot.public_key_file {file} is no Ed25519 key", _HOW)
    return key
