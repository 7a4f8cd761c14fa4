"""The bytes of a file as text that can be shown and counted in lines and columns, and what is wrong where they can't.

Must not know YAML's structure, only which characters it allows and what its scanner's complaints mean.
"""

from __future__ import annotations

import re

from yaml import MarkedYAMLError, YAMLError

from reconciler.core.parsing.limits import Limits
from reconciler.model.key import Place
from reconciler.model.problem import Problem

# Not printable in YAML 1.2; other line breaks (editors count lines without them); and the signs that make text look
# like something else than it is (bidirectional overrides).
_REFUSED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_TAG_DIRECTIVE = re.compile(r"^%TAG\b", re.MULTILINE)
_BREAK = re.compile("\r\n|\n|\r")

_HINTS = {
    "mapping values are not allowed": 'a text with ": " in it needs quotes; else check the indentation of this line',
    "cannot start any token": "a text that begins with this character needs quotes",
    "did not find expected ',' or": "close the bracket, or put the text in quotes",
    "unexpected end of stream": "close the quotes",
    "did not find expected '-' indicator": "check the indentation: a list goes on here",
    "did not find expected key": "check the indentation and the quotes of this line and the one before",
    "unknown escape character": "in double quotes a backslash is written twice; single quotes take it as it is",
    "could not find expected ':'": 'put ": " after the key, or check the indentation',
}


class Unreadable(Exception):
    """The file can't be read on from here."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Text:
    """A file's text, split into lines only when somebody asks for a piece of it."""

    def __init__(self, content: str) -> None:
        self.content = content
        self._lines: list[str] | None = None

    def piece(self, place: Place, width: int) -> str:
        """What stands at a place, as it was written."""
        if self._lines is None:
            self._lines = _BREAK.split(self.content)
        line = self._lines[place.line - 1] if place.line <= len(self._lines) else ""
        return line[place.column - 1 : place.column - 1 + width]


def decode(path: str, data: bytes, limits: Limits) -> Text:
    """Raises Unreadable for what isn't plain UTF-8 text of an acceptable size."""
    if len(data) > limits.file_bytes:
        raise Unreadable(too_large(path, limits))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(_refused(Place(path), "invalid-utf8", "the file is UTF-16", "save it as UTF-8"))
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _place(path, data[: error.start].decode("utf-8"))
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        raise Unreadable(_refused(place, "invalid-utf8", message, "save the file as UTF-8")) from None
    if content.startswith("\ufeff"):
        message = "the file begins with a byte order mark"
        raise Unreadable(_refused(Place(path), "byte-order-mark", message, "save it as UTF-8 without BOM"))
    if odd := _REFUSED.search(content):
        raise Unreadable(_odd_character(_place(path, content[: odd.start()]), odd.group()))
    if tag := _TAG_DIRECTIVE.search(content):
        place = _place(path, content[: tag.start()])
        raise Unreadable(_refused(place, "custom-tag", "%TAG is not allowed", "remove the line"))
    return Text(content)


def too_large(path: str, limits: Limits) -> Problem:
    message = f"the file is larger than {limits.file_bytes:,} bytes"
    return _refused(Place(path), "file-too-large", message, "split it into several files")


def syntax_problem(path: str, text: Text, error: YAMLError) -> Problem:
    """What the scanner complains about, in its words, with what usually causes it."""
    what = (error.problem if isinstance(error, MarkedYAMLError) else None) or "this is not YAML"
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
    if text.piece(place, 1) == "\t":
        return _refused(place, "tab", "a tab can't indent YAML", "indent with spaces")
    hint = next((hint for part, hint in _HINTS.items() if part in what), "check the quotes and the indentation")
    return Problem(place, "yaml-syntax", what, hint=hint)


def _odd_character(place: Place, char: str) -> Problem:
    name = "NUL" if char == "\0" else f"U+{ord(char):04X}"
    hint = 'remove it; in a text that needs it, write it escaped in double quotes: "\\u' + f'{ord(char):04x}"'
    return _refused(place, "control-character", f"the character {name} is not allowed", hint)


def _refused(place: Place, reason: str, message: str, hint: str) -> Problem:
    return Problem(place, reason, message, hint=hint)


def _place(path: str, before: str) -> Place:
    lines = _BREAK.split(before)
    return Place(path, len(lines), len(lines[-1]) + 1)
