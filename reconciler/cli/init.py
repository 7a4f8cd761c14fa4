"""`reconciler init`: a first state repository, small enough to read in a minute, that validates as it is."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.model.errors import Stalled

FIRST: dict[str, str] = {
    "README.md": """\
# The state of our machines

What is in this repository is how the machines should be. Reconciler compares it with how they are, and shows the
difference before it changes anything.

| file | what it says |
| --- | --- |
| `hosts/` | the machines: how to reach them, and labels to choose them by |
| `services/` | what should be on them: packages, files, services, users, … |
| `schemas/` | lets your editor complete and check the YAML (the comment in the first line of each file) |
| `reconciler.toml` | your own settings, such as your SSH key; not in Git, since nobody else's word should count there |

1. Put your machines into `hosts/`, and commit: what counts is the commit.
2. `reconciler validate` finds mistakes, without contacting any machine.
3. `reconciler plan` asks the machines how they are, and shows what would change.
4. `reconciler apply` shows it again, asks you, and does it.
5. `reconciler drift` shows later what somebody changed on the machines themselves.
""",
    ".gitignore": """\
# Keys and other trust are the operator's own, and never come out of the repository.
/reconciler.toml
""",
    "hosts/web-1.yaml": """\
# yaml-language-server: $schema=../schemas/any.schema.json
apiVersion: reconciler/v1
kind: Host
metadata:
  name: web-1
  labels: {role: web, env: prod}
spec:
  address: 192.0.2.10 # yours; this one belongs to nobody
  user: root # or another user, with `become: true` for sudo
""",
    "services/base.yaml": """\
# yaml-language-server: $schema=../schemas/any.schema.json
apiVersion: reconciler/v1
kind: Service
metadata:
  name: base
spec:
  owner: team-infra
  hosts:
    matchLabels: {env: prod}
  vars:
    contact: "ops@example.org"
  resources:
    - file: /etc/motd
      content: |
        This is {{ host.name }}. It is described in Git: changes made by hand are seen as drift.
        Questions: {{ vars.contact }}
      mode: "0644"
""",
    "reconciler.toml": """\
# Settings of the person or machine that runs `reconciler`, each also as an environment variable: RECONCILER_SSH__USER.
# All of them are in docs/configuration.md; what is left out has a default.

[ssh]
# private_key_file = "/home/you/.ssh/id_ed25519"
# known_hosts_file = "/home/you/.ssh/known_hosts" # host keys are always checked
# become_password_file = "/home/you/.sudo-password"

[limits]
deletes = 10 # more deletes than this need --allow-deletes
""",
}
"""The files, by path."""

SCHEMA = "schemas/any.schema.json"


@click.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False))
def command(folder: str) -> None:
    """Write a first state repository into FOLDER (here, if it isn't given).

    One host, one service, your settings, and a schema with which an editor completes and checks the YAML. Nothing
    that exists is overwritten.
    """
    base = Path(folder)
    taken = [name for name in (*FIRST, SCHEMA) if (base / name).exists() or (base / name).is_symlink()]
    if taken:
        raise Stalled(f"{base / taken[0]} is there already; nothing was written", "choose another folder")
    try:
        for name, text in {**FIRST, SCHEMA: _schema()}.items():
            path = base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            click.echo(f"  + {path}")
    except OSError as error:
        raise Stalled(f"{error.filename}: {error.strerror}", "choose a folder that you can write to") from None
    click.echo(_next(base))


def _schema() -> str:
    from reconciler.cli.schema import written
    from reconciler.core.schemas import generate
    from reconciler.kinds import builtin

    return written(generate(builtin())["any.schema.json"])


def _next(base: Path) -> str:
    go = "" if base == Path() else f"  cd {click.format_filename(base)}\n"
    git = "" if (base / ".git").exists() else "  git init\n"
    return f"""
Next, with your own machines in hosts/:

{go}{git}  git add . && git commit -m "First state"
  reconciler validate
  reconciler plan"""
