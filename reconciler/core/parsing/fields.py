"""The types of fields that several documents share, each with its rule, its schema and what to say when it's broken.

A rule raises PydanticCustomError whose type is the problem's reason and whose context may hold a `hint`.
Must not know documents.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from reconciler.core.quote import quote

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_HOSTNAME = r"[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*\.?"
_USER = r"[A-Za-z_][A-Za-z0-9_.-]{0,31}"
_IPV4 = r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.|\Z)){4}(?<!\.)"
_PERCENT = r"(100(\.0+)?|[0-9]{1,2}(\.[0-9]{1,4})?)%"
_DURATION = r"([0-9]{1,9}(ms|s|m|h|d))+"
_TEMPLATE = r"\{\{|\{%"

_is_subdomain = re.compile(_SUBDOMAIN).fullmatch
_is_label_name = re.compile(_LABEL_NAME).fullmatch
_is_hostname = re.compile(_HOSTNAME).fullmatch
_is_ipv4 = re.compile(_IPV4).fullmatch
_is_user = re.compile(_USER).fullmatch
_is_percent = re.compile(_PERCENT).fullmatch
_is_duration = re.compile(_DURATION).fullmatch
_find_template = re.compile(_TEMPLATE).search


def is_template(value: object) -> bool:
    """Whether a value is text that Jinja2 would change."""
    return isinstance(value, str) and _find_template(value) is not None


def fail(reason: str, message: str, hint: str) -> NoReturn:
    """Both texts may hold braces; pydantic formats them no further."""
    raise PydanticCustomError(reason, "{message}", {"message": message, "hint": hint})


def _name(value: str) -> str:
    if len(value) > 253 or not _is_subdomain(value):
        hint = "use at most 253 lower-case letters, digits, - and ., with a letter or digit at both ends"
        fail("bad-name", f"the name {quote(value)} can't be used", hint)
    return value


def _label_key(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    if len(name) > 63 or not _is_label_name(name) or (slash and (len(prefix) > 253 or not _is_subdomain(prefix))):
        hint = "use at most 63 letters, digits, -, _ and ., perhaps after a domain name and a slash: example.com/role"
        fail("bad-label", f"the key {quote(key)} can't be used", hint)
    return key


def _label_value(value: str) -> str:
    if len(value) > 63 or (value and not _is_label_name(value)):
        hint = "use at most 63 letters, digits, -, _ and ., with a letter or digit at both ends"
        fail("bad-label", f"the label value {quote(value)} can't be used", hint)
    return value


def _address(value: str) -> str:
    if _is_ipv4(value):
        return value
    digits_only = re.fullmatch(r"[0-9.]*", value) is not None
    if ":" in value or digits_only:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            pass
        else:
            if "%" not in value:
                return value
    elif len(value) <= 253 and _is_hostname(value):
        return value
    hint = "write a host name, an IPv4 or an IPv6 address; the port and the user are fields of their own"
    fail("bad-address", f"{quote(value)} is not an address", hint)


def _user(value: str) -> str:
    if not _is_user(value):
        fail("bad-user", f"{quote(value)} is not a user name", "use letters, digits, _, - and ., at most 32")
    return value


def _duration(value: str) -> str:
    if not _is_duration(value):
        fail("bad-duration", f"{quote(value)} is not a duration", "write it as 30s, 5m or 1h30m")
    return value


def span(text: str) -> timedelta:
    """How long a `Duration` is."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    return timedelta(seconds=sum(int(n) * units[unit] for n, unit in re.findall("([0-9]+)(ms|s|m|h|d)", text)))


def _share(value: Any) -> int | str:
    if isinstance(value, str) and _is_percent(value):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    fail("bad-share", f"{quote(value)} is neither a number nor a percentage", "write a number of hosts or, say, 5%")


def _repository_path(value: str) -> str:
    if not value or value.startswith("/") or "\\" in value or not value.isprintable():
        fail("bad-path", f"{quote(value)} is not a path inside the state repository", "write it from the state path")
    if any(part in ("", ".", "..") for part in value.rstrip("/").split("/")):
        hint = "write it from the state path, without . and .. in it"
        fail("bad-path", f"the path {quote(value)} could lead outside", hint)
    return value.rstrip("/")


repository_path = _repository_path


def _templated_number(value: Any) -> Any:
    if is_template(value) or (isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536):
        return value
    fail("bad-port", f"{quote(value)} is not a port", "write a number from 1 to 65535, or a template")


Name = Annotated[
    str,
    AfterValidator(_name),
    Field(max_length=253, json_schema_extra={"pattern": f"^{_SUBDOMAIN}$"}),
]
LabelKey = Annotated[str, AfterValidator(_label_key)]
LabelValue = Annotated[
    str, AfterValidator(_label_value), Field(json_schema_extra={"pattern": f"^({_LABEL_NAME})?$", "maxLength": 63})
]
Address = Annotated[str, AfterValidator(_address)]
User = Annotated[str, AfterValidator(_user), Field(json_schema_extra={"pattern": f"^{_USER}$"})]
RepositoryPath = Annotated[str, AfterValidator(_repository_path)]
Duration = Annotated[
    str, AfterValidator(_duration), Field(json_schema_extra={"pattern": f"^{_DURATION}$", "examples": ["30s"]})
]
Share = Annotated[
    int | str,
    BeforeValidator(_share),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^{_PERCENT}$"}]},
    ),
]
"""A number of hosts, or a percentage of them."""
TemplatedPort = Annotated[
    int | str,
    BeforeValidator(_templated_number),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string", "pattern": _TEMPLATE}]},
    ),
]


class Written(BaseModel):
    """What every part of a document is: strict, closed, in camelCase."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)
