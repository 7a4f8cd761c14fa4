"""How much a state repository may hold before we refuse to read on. Knows numbers only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """`nodes` and `expanded_bytes` count a file's values after its aliases are followed; `problems` is how many of
    one file are reported before the rest is left out. Places are kept for files of up to two megabytes."""

    file_bytes: int = 1 << 20
    total_bytes: int = 256 << 20
    depth: int = 64
    nodes: int = 250_000
    expanded_bytes: int = 4 << 20
    documents: int = 10_000
    total_documents: int = 500_000
    problems: int = 100

    def __post_init__(self) -> None:
        assert self.file_bytes < 1 << 21


DEFAULT = Limits()
