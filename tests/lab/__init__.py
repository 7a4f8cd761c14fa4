"""A lab of real systemd machines on loopback addresses, for tests and for people who want to try things.

Knows systemd-nspawn, SSH and Debian; must not know the product (only `python -m tests.lab` writes its documents).
"""

from tests.lab.aptrepo import AptRepo, Package, demo
from tests.lab.machine import Machine
from tests.lab.machines import Lab
from tests.lab.needs import missing

__all__ = ["AptRepo", "Lab", "Machine", "Package", "demo", "missing"]
