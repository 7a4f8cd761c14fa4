"""Reaching hosts through Ansible."""
