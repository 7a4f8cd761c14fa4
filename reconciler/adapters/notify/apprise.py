"""Messages to people by apprise: mail, chats, push services, by the address that the operator gave.

Text is plain and means nothing more in any of them (`core.notifying.wording`). Must not know what is worth telling.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from reconciler.adapters.notify.settings import AppriseTarget
from reconciler.core.notifying.wording import body, title
from reconciler.core.words import printable
from reconciler.model.errors import Stalled
from reconciler.model.notice import Notice

SUBJECT = "reconciler: "


def send(target: AppriseTarget, notices: Sequence[Notice]) -> str:
    """Sends all of them as one message; why it could not be sent. Empty: it was taken."""
    apprise = loaded()
    opened = apprise.Apprise()
    # What apprise says it says in its log only.
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
        opened.add(target.url)
        text = {"title": SUBJECT + title(notices), "body": body(notices), "body_format": apprise.NotifyFormat.TEXT}
        if opened.notify(**text):
            return ""
        words = "; ".join(said.getvalue().splitlines())
    return without_secrets(words or "it could not be sent", target.url)


def known(url: str) -> bool:
    """Whether apprise knows what to do with an address. Contacts nobody. Raises Stalled where it is not installed."""
    apprise = loaded()
    with apprise.LogCapture(level=logging.CRITICAL):
        return apprise.Apprise.instantiate(url, suppress_exceptions=True) is not None


def loaded() -> Any:
    """Raises Stalled where it is not installed."""
    try:
        import apprise
    except ImportError:
        raise Stalled("apprise is not installed", "pip install 'reconciler[notify]'") from None
    # Nothing of it comes to stderr: an address may be in it.
    logging.getLogger("apprise").propagate = False
    if not logging.getLogger("apprise").handlers:
        logging.getLogger("apprise").addHandler(logging.NullHandler())
    return apprise


def without_secrets(text: str, url: str) -> str:
    """Whatever stands in the address may be a token."""
    for part in sorted(set(re.split(r"[:/?&=@,]+", url)), key=len, reverse=True):
        if len(part) >= 4:
            text = text.replace(part, "…")
    return printable(text[:500])
