"""A small apt repository that a test fills with packages of its own making. Needs no network and no keys.

Knows Debian packages; must not know machines: a machine has the folder bound in as its only apt source.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

EXECUTABLE = ("/usr/bin/", "/DEBIAN/p")
DATE = "Thu, 01 Jan 2026 00:00:00 +0000"
"""Apt warns about a release without one, and about one that comes from the future."""


@dataclass(frozen=True, slots=True)
class Package:
    """One version of a package. `files` maps absolute paths to text; what lies in /usr/bin can be run.

    Files in /etc are conffiles. `scripts` are maintainer scripts by name: postinst, prerm, …
    """

    name: str
    version: str
    files: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    depends: str = ""

    @property
    def filename(self) -> str:
        return f"{self.name}_{self.version}_all.deb"

    @property
    def control(self) -> str:
        lines = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": "all",
            "Maintainer": "Lab <lab@localhost>",
            "Depends": self.depends,
            "Description": f"{self.name} for tests",
        }
        return "".join(f"{key}: {value}\n" for key, value in lines.items() if value)


class AptRepo:
    """A flat repository in a folder. What is published can be installed after the machine's next `apt-get update`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stanzas: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._index()

    def publish(self, *packages: Package) -> None:
        for package in packages:
            deb = self.folder / package.filename
            _build(package, deb)
            data = deb.read_bytes()
            self._stanzas[package.filename] = (
                f"{package.control}Filename: ./{package.filename}\nSize: {len(data)}\nSHA256: {_sha256(data)}\n"
            )
        self._index()

    def withdraw(self, package: Package) -> None:
        """Takes a package out of the repository, as archives do with old versions."""
        del self._stanzas[package.filename]
        (self.folder / package.filename).unlink()
        self._index()

    def _index(self) -> None:
        packages = "\n".join(self._stanzas.values()).encode()
        release = f"Origin: lab\nSuite: lab\nDate: {DATE}\nSHA256:\n {_sha256(packages)} {len(packages)} Packages\n"
        (self.folder / "Packages").write_bytes(packages)
        (self.folder / "Release").write_text(release)


def demo(version: str = "1.0") -> Package:
    """`reconciler-demo`: a program, a configuration file, and a service that runs once it is installed."""
    return Package(
        name="reconciler-demo",
        version=version,
        files={
            "/usr/bin/reconciler-demo": f'#!/bin/sh\n[ "${{1:-}}" = --version ] && echo {version} && exit\n'
            "trap : HUP\nwhile :; do sleep 3600 & wait; done\n",
            "/etc/reconciler-demo.conf": "greeting = hello\n",
            "/usr/lib/systemd/system/reconciler-demo.service": _UNIT,
        },
        scripts={
            "postinst": "#!/bin/sh\nset -e\nsystemctl daemon-reload\nsystemctl enable --quiet reconciler-demo\n"
            "systemctl restart reconciler-demo\n",
            "prerm": '#!/bin/sh\nset -e\n[ "$1" != remove ] || systemctl disable --quiet --now reconciler-demo\n',
            "postrm": "#!/bin/sh\nset -e\nsystemctl daemon-reload\n",
        },
    )


_UNIT = """[Unit]
Description=Something to look after

[Service]
ExecStart=/usr/bin/reconciler-demo
ExecReload=/bin/kill -HUP $MAINPID

[Install]
WantedBy=multi-user.target
"""


def _build(package: Package, deb: Path) -> None:
    conffiles = "".join(f"{path}\n" for path in sorted(package.files) if path.startswith("/etc/"))
    control = {"control": package.control, "conffiles": conffiles, **package.scripts}
    with tempfile.TemporaryDirectory() as folder:
        for path, text in {**package.files, **{f"/DEBIAN/{name}": text for name, text in control.items()}}.items():
            file = Path(folder + path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755 if path.startswith(EXECUTABLE) else 0o644)
        Path(folder).chmod(0o755)
        command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", folder, str(deb)]
        subprocess.run(command, check=True, capture_output=True)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
