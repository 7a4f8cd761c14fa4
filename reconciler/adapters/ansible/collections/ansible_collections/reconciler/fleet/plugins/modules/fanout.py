"""Documentation of the `fanout` action; all of it runs in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fanout
short_description: Carry requests to many hosts from one task on the controller
description:
  - Sends the requests that Reconciler wrote for some hundreds of hosts over SSH, and writes down their replies.
  - Needs asyncssh in the controller's Python. Nothing of a request passes through Ansible's variables or arguments.
options:
  directory:
    description: Reconciler's private directory for this run.
    type: path
    required: true
author: The Reconciler authors
"""

EXAMPLES = r"""
- reconciler.fleet.fanout:
    directory: /dev/shm/reconciler-x1y2z3
"""

RETURN = r""" # """
