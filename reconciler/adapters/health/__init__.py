"""Health checks that are made from this machine: http, tcp, Prometheus."""

from __future__ import annotations

from reconciler.adapters.health.address import Allowed
from reconciler.adapters.health.prober import NetworkProber

__all__ = ["Allowed", "NetworkProber"]
