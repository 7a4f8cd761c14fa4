"""Dashboards, alerts and runbooks, held against what a daemon really says at /metrics, by Prometheus' own tool."""
