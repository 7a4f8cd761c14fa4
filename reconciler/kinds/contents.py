"""What kinds share whose content is text from Git: `content`, `template` or `source`, one of them.

Resolving fills `content` (rendered, or base64 for bytes that are not text) and clears the other two, so below
that point there is only `content`.
"""

from __future__ import annotations

import base64
from typing import Literal, Self

from pydantic import Field, model_validator

from reconciler.kinds.base import Spec
from reconciler.model.digest import text_digest
from reconciler.model.secret import is_sealed


class Contents(Spec):
    content: str | None = Field(None, description="The text itself, a Jinja2 template.")
    template: str | None = Field(None, description="A Jinja2 template: a path in the state repository.")
    source: str | None = Field(None, description="A file taken as it is: a path in the state repository.")
    encoding: Literal["utf-8", "base64"] = Field(
        "utf-8", description="How `content` is written. base64 for bytes that are not text."
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [n for n in ("content", "template", "source") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of {' and '.join(given)}, not both")
        if self.encoding == "base64" and self.sealed():
            raise ValueError("a secret can't stand in content that is base64")
        return self

    def sealed(self) -> frozenset[str]:
        """The fields whose values nobody knows while planning."""
        return frozenset({"content"}) if is_sealed(self.content) else frozenset()

    def data(self) -> bytes | None:
        """The desired bytes, None when content is not managed."""
        if self.content is None:
            return None
        return base64.b64decode(self.content) if self.encoding == "base64" else self.content.encode()

    def content_digest(self) -> str | None:
        data = self.data()
        return None if data is None else text_digest(data)

    def texts(self) -> dict[str, str]:
        """The content as text for diffs; nothing when it is sensitive or not text."""
        if self.content is None or self.sensitive or self.encoding == "base64":
            return {}
        return {"content": self.content}


def keyed(spec: Contents) -> dict[str, bool]:
    """What a query says more of content that holds a secret: the host answers with a digest that only we can make, as
    a plain one would let others try out what the secret is. The carrier adds the key."""
    return {"keyed": True} if spec.sealed() else {}
