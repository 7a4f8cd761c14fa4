"""Renders templates of the state repository in a sandbox: strict, deterministic, without any way out.

Knows Jinja2 and nothing of documents or hosts. A template sees `host`, `vars` and `project` only; there are no
lookups, no includes, no random filters, and its output is bounded. Which values a template uses is read off its
syntax tree, so that it needs rendering only once for each distinct set of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

MAX_OUTPUT = 1 << 20
"""Characters that one template may give: what fits the budget of one file of the state repository."""

SCOPES = ("host", "vars", "project")
_FILE = "<template>"
# `random` would make plans differ; `format` and `center` can ask for gigabytes with a short text.
_BANNED_FILTERS = ("random", "format", "center", "xmlattr", "pprint", "attr")
_BANNED_METHODS = frozenset({"format", "format_map", "center", "ljust", "rjust", "zfill", "expandtabs", "replace"})
_GLOBALS = ("range", "dict", "namespace")
_NOBODY = ("\0one\0", "\0two\0")
_LONGEST_NAME = 253
"""Characters of a host's name; it is a DNS name."""

Use = tuple[str, ...]
"""A value that a template reads: ("vars", "port"), ("host", "labels", "site"); ("vars",) is all of them."""


class RenderError(Exception):
    """`message` in plain words and the line within the template (from 1)."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Scope(dict[str, Any]):
    """One of the names that templates see; knows its name so that errors can say it. `tokens` are those of the secrets
    in it."""

    def __init__(self, name: str, values: Mapping[str, Any], tokens: frozenset[str] = frozenset()) -> None:
        super().__init__(values)
        self.scope = name
        self.tokens = tokens


class _Undefined(StrictUndefined):
    @property
    def _undefined_message(self) -> str:
        if isinstance(self._undefined_obj, Scope):
            return f"{self._undefined_obj.scope}.{self._undefined_name} is not defined"
        if isinstance(self._undefined_obj, Mapping):
            return f"there is no {self._undefined_name!r} in this value"
        if self._undefined_obj is not missing:
            return f"{self._undefined_name!r} can't be used on this value"
        return f"{self._undefined_name!r} is not defined; templates see only {', '.join(SCOPES)}"


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Values before methods, so that a var may be called `items`."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, Scope):
            return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def wrap_str_format(self, value: Any) -> None:
        """No safer `format` stands in for the one that is refused: its widths would still be without a bound."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr in _BANNED_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            if operator == "**" and (abs(left) > 10**6 or abs(right) > 64):
                raise SecurityError("this power is too large")
        elif operator in ("*", "%"):
            raise SecurityError(f"`{operator}` is for numbers here")
        return super().call_binop(context, operator, left, right)


def _environment() -> _Environment:
    env = _Environment(undefined=_Undefined, keep_trailing_newline=True, autoescape=False, cache_size=0)
    for name in _BANNED_FILTERS:
        env.filters.pop(name, None)
    env.globals = {name: env.globals[name] for name in _GLOBALS}
    return env


_ENV = _environment()


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A compiled text. `uses` are the values that it reads, sorted. `echoes` says that it does nothing with the host's
    name but say it: outside of any block, loop, condition or expression."""

    uses: tuple[Use, ...]
    run: Callable[[Mapping[str, Any]], Any]
    echoes: bool = False


def is_template(text: str) -> bool:
    """Whether Jinja2 would do anything with the text."""
    return "{{" in text or "{%" in text or "{#" in text


@lru_cache(maxsize=4096)
def compile_template(text: str, native: bool = False) -> Template:
    """Compiles a text. With `native`, a text that is one `{{ expression }}` gives the value itself, not its text.

    Raises RenderError on bad syntax.
    """
    try:
        tree = _ENV.parse(text)
        _refuse_imports(tree)
        uses = tuple(sorted(_uses(tree)))
        if native and (expression := _single_expression(tree, text)):
            compiled = _ENV.compile_expression(expression, undefined_to_none=False)
            return Template(uses, lambda context: _value(compiled(**context)))
        code = _ENV.compile(tree, filename=_FILE)
        template = _ENV.template_class.from_code(_ENV, code, dict(_ENV.globals))
    except TemplateSyntaxError as error:
        raise RenderError(error.message or "bad template syntax", error.lineno) from None
    return Template(uses, lambda context: _bounded(template.generate(**context)), _echoes(tree))


def render(template: Template, context: Mapping[str, Any]) -> Any:
    """The template's text (or native value). Raises RenderError with the line in the template."""
    try:
        return template.run(context)
    except (TemplateError, SecurityError) as error:
        raise RenderError(str(error), _line(error.__traceback__)) from None
    except RecursionError:
        raise RenderError("the template nests too deeply", 1) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, OverflowError) as error:
        # What an expression does with values of the wrong type: `vars.port + "x"`.
        raise RenderError(f"{type(error).__name__}: {error}", _line(error.__traceback__)) from None


def around_name(template: Template, context: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The texts before, between and after the host's name, for a template that `echoes` it; None if it can't be told.

    It is rendered for two names that no host has: what does not depend on the name is the same in both.
    """
    if not template.echoes:
        return None
    try:
        texts = [render(template, {**context, "host": Scope("host", {"name": name})}) for name in _NOBODY]
    except RenderError:
        return None
    first, second = (tuple(text.split(name)) for text, name in zip(texts, _NOBODY, strict=True))
    longest = sum(map(len, first)) + len(first) * _LONGEST_NAME
    return first if first == second and longest <= MAX_OUTPUT else None


def _bounded(pieces: Any) -> str:
    size, out = 0, []
    for piece in pieces:
        size += len(piece)
        if size > MAX_OUTPUT:
            raise SecurityError(f"the template gives more than {MAX_OUTPUT} characters")
        out.append(piece)
    return "".join(out)


def _value(value: Any) -> Any:
    if isinstance(value, Undefined):
        str(value)  # raises with the undefined name
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _value(item) for key, item in value.items()}
    return str(value)


def _line(traceback: TracebackType | None) -> int:
    line = 1
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == _FILE:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _single_expression(tree: nodes.Template, text: str) -> str:
    body = tree.body
    if len(body) == 1 and isinstance(body[0], nodes.Output) and len(body[0].nodes) == 1:
        stripped = text.strip()
        if stripped == text and text.startswith("{{") and not isinstance(body[0].nodes[0], nodes.TemplateData):
            return text[2:-2].strip("-+ ")
    return ""


def _refuse_imports(tree: nodes.Template) -> None:
    forbidden = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    for node in tree.find_all(forbidden):
        raise TemplateSyntaxError(f"{type(node).__name__.lower()} is not available here", node.lineno)


def _uses(tree: nodes.Template) -> set[Use]:
    uses: set[Use] = set()
    inner: set[int] = set()
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        if id(node) not in inner:
            path, below = _path(node)
            inner.update(below)
            if path:
                uses.add(path)
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name in SCOPES and id(name) not in inner:
            uses.add((name.name,))
    return uses


def _echoes(tree: nodes.Template) -> bool:
    said = [n for output in tree.body if isinstance(output, nodes.Output) for n in output.nodes]
    plainly = sum(_is_host_name(node) for node in said)
    return 0 < plainly == sum(name.name == "host" for name in tree.find_all(nodes.Name))


def _is_host_name(node: nodes.Node) -> bool:
    """Whether it is `host.name`, and not something of that (a letter of it, say)."""
    if not isinstance(node, (nodes.Getattr, nodes.Getitem)) or _step(node) != "name":
        return False
    return isinstance(node.node, nodes.Name) and node.node.name == "host"


def _path(node: nodes.Node) -> tuple[Use, set[int]]:
    """The value read by a chain such as `host.labels["site"]`, and the ids of the nodes within the chain.

    What a scope holds is read in one step (`vars.a.b` uses `vars.a`), labels in two.
    """
    steps: list[str | None] = []
    below: set[int] = set()
    current: nodes.Node = node
    while isinstance(current, (nodes.Getattr, nodes.Getitem)):
        below.add(id(current))
        steps.append(_step(current))
        current = current.node
    if not (isinstance(current, nodes.Name) and current.name in SCOPES):
        return (), set()
    below.add(id(current))
    steps.reverse()
    depth = 2 if current.name == "host" and steps[0] == "labels" else 1
    known: list[str] = []
    for step in steps[:depth]:
        if step is None:
            break
        known.append(step)
    return (current.name, *known), below


def _step(node: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None
