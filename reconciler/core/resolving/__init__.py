"""Linked documents to the desired state: templates filled in, each host's profile, equal things shared."""
