"""A work whose calls are ordinary Ansible tasks: whatever Ansible can do on a host, at the price of its round trips.

A call's files are on the controller here, for the action plugins that want them there. Arguments come as plain data
and are not templated. It must not know what else the host gets.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.reconciler.fleet.plugins.module_utils.host import calls
from ansible_collections.reconciler.fleet.plugins.plugin_utils.parts import Broke, Outcome

HIDDEN = "(output hidden: sensitive)"


def perform(action: ActionBase, work: Mapping[str, Any], variables: dict[str, Any], place: tuple[str, Path]) -> Outcome:
    """Do a work's calls in order, up to the first that fails. `place` is the host's root, and a directory of ours for
    this host alone. Raises Broke when the host is gone."""
    began = time.monotonic()
    root, scratch = place
    changed, said = False, ""
    for call in work["calls"]:
        answer = _answer(action, call["module"], calls.arguments(call, root, str(scratch)), variables)
        changed, said = changed or answer.changed, answer.said or said
        if answer.failed:
            break
    result = "failed" if answer.failed else "changed" if changed else "ok"
    shown = HIDDEN if work["sensitive"] and answer.failed else "" if work["sensitive"] else said
    return [result, shown, int((time.monotonic() - began) * 1000)]


def _answer(action: ActionBase, module: str, args: dict[str, Any], variables: dict[str, Any]) -> calls.Answer:
    task = action._task.copy()
    task.action, task.args, task.no_log = module, args, True
    loader = action._shared_loader_obj.action_loader
    # As Ansible does for a task: the action plugin of the module's name, where there is one.
    name = module if loader.has_plugin(module) else "ansible.legacy.normal"
    try:
        plugin = loader.get(
            name,
            task=task,
            connection=action._connection,
            play_context=action._play_context,
            loader=action._loader,
            templar=action._templar,
            shared_loader_obj=action._shared_loader_obj,
        )
        result = plugin.run(task_vars=variables)
    except AnsibleConnectionFailure as error:
        raise Broke(str(error)) from error
    except AnsibleError as error:
        return calls.Answer(failed=True, said=str(error))
    if result.get("unreachable"):
        raise Broke(str(result.get("msg", "")))
    return calls.understand(json.dumps(result, default=str), "", 0)
