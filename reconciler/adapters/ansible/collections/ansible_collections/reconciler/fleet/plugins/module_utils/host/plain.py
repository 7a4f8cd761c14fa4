"""What a fact may look like: plain JSON, without floats, not too deep. The controller holds hosts to the same."""

from . import canonical

DEPTH = 64
LARGEST = 2**63 - 1


def flaw(value, depth=0):
    """What is wrong with a value, empty when it is plain."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return "" if -LARGEST <= value <= LARGEST else "a number beyond 64 bits"
    if isinstance(value, str):
        return "" if _writable(value) else "text that is not Unicode"
    if depth >= DEPTH:
        return f"nested more than {DEPTH} deep"
    if isinstance(value, (list, tuple)):
        return next(filter(None, (flaw(item, depth + 1) for item in value)), "")
    if isinstance(value, dict):
        if not all(isinstance(key, str) and _writable(key) for key in value):
            return "a key that is not text"
        return next(filter(None, (flaw(item, depth + 1) for item in value.values())), "")
    return f"a {type(value).__name__}"


def _writable(text):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def fact(value):
    """The fact itself, or an error in its place."""
    wrong = flaw(value) if isinstance(value, dict) else "not a mapping"
    return {"error": "the probe's answer is not plain JSON: " + wrong} if wrong else value


def digest(value):
    return canonical.digest(fact(value))
