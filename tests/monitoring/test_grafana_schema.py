"""Dashboards are what Grafana's own published types say: every field is known there, and of the right type.

The types are of the npm package @grafana/schema, the check is TypeScript's. Left out loudly where neither can be had.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.metrics.dashboards import DASHBOARDS
from reconciler.adapters.metrics.grafana import document
from tests.lab.base import cache_folder
from tests.monitoring.promtool import LEFT_OUT

PACKAGE = Path(__file__).parent / "schema"
TYPES = "node_modules/@grafana/schema/dist/types/raw"
OPTIONS = ("stat", "timeseries", "table", "bargauge")
HEAD = f"""\
import type * as board from "./{TYPES}/dashboard/x/types.gen";
{"".join(f'import type * as {n} from "./{TYPES}/composable/{n}/panelcfg/x/types.gen";' for n in OPTIONS)}
// JSON has the values of enums, not their names.
type Json<T> = unknown extends T ? T
  : T extends string ? `${{T}}`
  : T extends number | boolean | null | undefined ? T
  : T extends Array<infer E> ? Array<Json<E>>
  : {{ [K in keyof T]: Json<T[K]> }};
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the packages are, for a while."""
    kept = installed()
    with tempfile.TemporaryDirectory() as made:
        (Path(made) / "node_modules").symlink_to(kept / "node_modules")
        yield Path(made)


def installed() -> Path:
    """The packages that the lock names, fetched once."""
    lock = (PACKAGE / "package-lock.json").read_bytes()
    kept = cache_folder() / f"grafana-schema-{hashlib.sha256(lock).hexdigest()[:12]}"
    if kept.exists():
        return kept
    if not (shutil.which("npm") and shutil.which("node")):
        _left_out("node and npm")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as work:
        for file in PACKAGE.glob("*.json"):
            shutil.copy(file, work)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            _left_out(f"npm packages that can't be fetched here ({done.stderr.strip()[:200]})")
        try:
            Path(work).rename(kept)
        except OSError:  # somebody else was quicker
            assert kept.exists()
        else:
            Path(work).mkdir()
    return kept


def _left_out(what: str) -> None:
    if os.environ.get("RECONCILER_REQUIRE_MACHINES") == "1":
        pytest.fail(f"needs {what}; RECONCILER_REQUIRE_MACHINES=1 says that it must run", pytrace=False)
    pytest.skip(f"{LEFT_OUT}: needs {what}")


def typed(value: dict[str, Any]) -> Iterator[str]:
    """A dashboard as TypeScript that says of each part what it should be. Panels' own options stand alone, since the
    dashboard's type takes anything for them; a panel fills in what it is not told."""
    panels = value["panels"]
    yield f"export const dashboard: Json<board.Dashboard> = {json.dumps({**value, 'panels': []})};"
    for panel in panels:
        name = f"p{panel['id']}"
        if panel["type"] == "row":
            yield f"export const {name}: Json<board.RowPanel> = {json.dumps(panel)};"
            continue
        defaults = dict(panel["fieldConfig"]["defaults"])
        custom = defaults.pop("custom", None)
        bare = {**panel, "options": {}, "fieldConfig": {**panel["fieldConfig"], "defaults": defaults}}
        kind = panel["type"]
        yield f"export const {name}: Json<board.Panel> = {json.dumps(bare)};"
        yield f"export const {name}o: Partial<Json<{kind}.Options>> = {json.dumps(panel['options'])};"
        if custom:
            yield f"export const {name}c: Json<{kind}.FieldConfig> = {json.dumps(custom)};"


def complaints(folder: Path, *values: dict[str, Any]) -> str:
    """What TypeScript says."""
    names = []
    for number, value in enumerate(values):
        names.append(f"board{number}.ts")
        (folder / names[-1]).write_text(HEAD + "\n".join(typed(value)))
    tsc = [str(folder / "node_modules/.bin/tsc"), "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext"]
    done = subprocess.run([*tsc, *names], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_dashboards_are_what_grafana_says(folder: Path) -> None:
    assert complaints(folder, *(document(board) for board in DASHBOARDS)) == ""


def test_mistakes_in_them_are_found(folder: Path) -> None:
    values = [document(DASHBOARDS[0]) for _ in range(2)]
    stat = next(panel for panel in values[0]["panels"] if panel["type"] == "stat")
    table = next(panel for panel in values[0]["panels"] if panel["type"] == "table")
    lines = next(panel for panel in values[0]["panels"] if panel["type"] == "timeseries")
    values[0]["tittle"] = "x"
    values[1]["templating"]["list"][0]["type"] = "choice"
    stat["options"]["colorMode"] = "loud"
    table["gridPos"].pop("w")
    lines["fieldConfig"]["defaults"]["custom"]["lineWidth"] = "1"
    said = complaints(folder, *values)
    for mistake in ('"tittle"', '"choice"', '"loud"', "'w'", "'string' is not assignable to type 'number'"):
        assert mistake in said
