"""An inventory that another program exported, as JSON or CSV: its published schema, and its hosts as entries.

Hosts that differ only in values of the same form are checked against the schema once. Knows no files.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from reconciler.core import exchange
from reconciler.core.inventories.admit import Entry, Unfit
from reconciler.core.parsing.fields import Address, LabelKey, LabelValue, Name, User
from reconciler.kinds.base import AbsolutePath
from reconciler.model.errors import Stalled

VERSION = 1
_HINT = "see docs/inventory.md and `reconciler schema inventory`"
_FREE = frozenset({"name", "address"})
_COLUMNS = ("name", "address", "port", "user", "connection", "become", "root")


class InventoryHostForm(BaseModel):
    """One machine."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="Unique in the fleet.")
    address: Address | None = Field(None, description="A host name or an IP address. Left out: the name.")
    port: int = Field(22, ge=1, le=65535, description="The port of sshd.")
    user: User | None = Field(None, description="Who to log in as.")
    connection: Literal["ssh", "local"] = Field("ssh", description="`local`: this machine, if the operator allows it.")
    become: bool = Field(False, description="Whether to become root with sudo.")
    root: AbsolutePath | None = Field(None, description="Only with `local`: a directory that stands for /.")
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict, description="What selectors match.")
    vars: dict[str, Any] = Field(default_factory=dict, description="Plain values for templates, as `vars.<name>`.")


class InventoryForm(BaseModel):
    """Hosts that come from outside of Git, as another program exports them."""

    model_config = ConfigDict(extra="forbid", title="Inventory")

    format_version: Literal[1]
    hosts: Annotated[list[InventoryHostForm], Field(description="Every host of the source.")]


@cache
def inventory_schema() -> dict[str, Any]:
    """The JSON Schema of an inventory file."""
    schema = InventoryForm.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_without_null(schema)}


def json_entries(data: bytes) -> Iterator[Entry | Unfit]:
    """The hosts of a JSON inventory. Raises Stalled when it is none; a host that is wrong is only unfit."""
    document = exchange.load(data, exchange.Format("inventory", VERSION, _envelope, _HINT))
    checks = _Checks()
    for given in document["hosts"]:
        problem = checks.problem(given)
        yield Unfit(_name(given), "schema", problem, _HINT) if problem else Entry(**given)


def csv_entries(data: bytes) -> Iterator[Entry | Unfit]:
    """The hosts of a CSV inventory. Raises Stalled when it is none; a host that is wrong is only unfit."""
    if len(data) > exchange.LARGEST:
        raise Stalled(f"this inventory has {len(data):,} bytes; the limit is {exchange.LARGEST:,}", _HINT)
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        header = next(rows, [])
        _check_header(header)
        checks = _Checks()
        for row in rows:
            yield from _row(header, row, rows.line_num, checks)
    except UnicodeDecodeError as error:
        raise Stalled(f"this is not a CSV inventory: not UTF-8 (byte {error.start:,})", _HINT) from None
    except csv.Error as error:
        raise Stalled(f"this is not a CSV inventory: {exchange.shown(str(error))}", _HINT) from None


def _check_header(header: list[str]) -> None:
    if "name" not in header:
        raise Stalled("this is not a CSV inventory: its first line has no column called name", _HINT)
    if len(set(header)) != len(header):
        raise Stalled("this is not a CSV inventory: two columns have the same name", _HINT)
    for column in header:
        group, dot, _ = column.partition(".")
        if column not in _COLUMNS and not (dot and group in ("labels", "vars")):
            known = ", ".join((*_COLUMNS, "labels.<key>", "vars.<name>"))
            raise Stalled(f"unknown column {exchange.shown(column)!r}; columns are {known}", _HINT)


def _row(header: list[str], row: list[str], line: int, checks: _Checks) -> Iterator[Entry | Unfit]:
    if not row:
        return
    if len(row) != len(header):
        yield Unfit(
            row[0], "wrong-columns", f"line {line} has {len(row)} columns and the first line {len(header)}", _HINT
        )
        return
    given = _given(header, row)
    problem = checks.problem(given)
    yield Unfit(_name(given), "schema", f"line {line}: {problem}", _HINT) if problem else Entry(**given)


def _given(header: list[str], row: list[str]) -> dict[str, Any]:
    """A row as a host of the JSON form. Empty cells say nothing."""
    given: dict[str, Any] = {}
    for column, cell in zip(header, row, strict=True):
        group, dot, key = column.partition(".")
        if dot and cell:
            given.setdefault(group, {})[key] = cell
        elif cell:
            given[column] = _typed(column, cell)
    return given


def _typed(column: str, cell: str) -> Any:
    if column == "port" and cell.isascii() and cell.isdigit() and len(cell) < 6:
        return int(cell)
    if column == "become" and cell in ("true", "false"):
        return cell == "true"
    return cell


def _name(given: Any) -> Any:
    return given.get("name") if isinstance(given, dict) else given


def _envelope(document: dict[str, Any]) -> list[str]:
    """What the schema has against everything but the hosts, which are checked one by one."""
    hosts = document.get("hosts")
    return exchange.violations(inventory_schema(), {**document, "hosts": []} if isinstance(hosts, list) else document)


class _Checks:
    """Checks hosts against the schema. What only differs in name, address and values of vars has the same form."""

    def __init__(self) -> None:
        self._known: dict[Any, str] = {}
        schema = inventory_schema()
        self._schema = {"$defs": schema["$defs"], "$ref": "#/$defs/InventoryHostForm"}

    def problem(self, given: Any) -> str:
        form = _form(given)
        if form is None:
            return self._violation(given)
        known = self._known.get(form)
        if known is None:
            known = self._violation(given)
            if not known:
                self._known[form] = ""
        return known

    def _violation(self, given: Any) -> str:
        found = exchange.violations(self._schema, given)
        return found[0] if found else ""


def _form(given: Any) -> Any:
    """Equal for hosts that the schema can't tell apart, but for the texts of name and address: those are checked by
    the finer rules of `admit` in any case. None: look at it by itself."""
    if not isinstance(given, dict):
        return None
    parts: list[Any] = []
    for key, value in given.items():
        kind = type(value)
        if (kind is str and key in _FREE) or (kind is dict and key == "vars"):
            parts.append(key)
        elif kind is str or kind is int or kind is bool:
            parts.append((key, kind, value))
        elif kind is dict and key == "labels" and all(type(v) is str for v in value.values()):
            parts.append((key, *value.items()))
        else:
            return None
    return tuple(parts)


def _without_null(schema: Any) -> Any:
    """Null is refused everywhere: what has no value is left out."""
    if isinstance(schema, list):
        return [_without_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {k: _without_null(v) for k, v in schema.items() if not (k == "default" and v is None)}
    options = [option for option in kept.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        return {**options[0], **{k: v for k, v in kept.items() if k not in ("anyOf", "title")}}
    return kept
