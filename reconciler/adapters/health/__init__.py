"""Health checks that are made from this machine: http, tcp, Prometheus."""

from __future__ import annotations

from reconciler.adapters.health.prober import NetworkProber
from reconciler.adapters.outward.address import Allowed

__all__ = ["Allowed", "NetworkProber"]
