"""Documentation of the `program` action; all of it runs in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: program
short_description: Carry a request to a host in one round trip
description:
  - Sends the request that Reconciler wrote for this host, and writes down the host's reply.
  - Nothing of the request passes through Ansible's templates, variables or arguments.
options:
  directory:
    description: Reconciler's private directory for this run.
    type: path
    required: true
author: The Reconciler authors
"""

EXAMPLES = r"""
- reconciler.fleet.program:
    directory: /dev/shm/reconciler-x1y2z3
"""

RETURN = r""" # """
