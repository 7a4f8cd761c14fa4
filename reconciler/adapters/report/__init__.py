"""A report of drift as one HTML file that needs nothing else: no server, no network, no script from elsewhere."""

from __future__ import annotations

from reconciler.adapters.report.html import page

__all__ = ["page"]
