"""Benchmarks whose items live outside the package: on the Hub at a pinned commit, or in ``OFFMODEL_DATA``."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from typing import Any

from offmodel.benchmarks.base import Benchmark, Item
from offmodel.data.sources import Source, rows


class ExternalBenchmark(Benchmark):
    """A benchmark read from a `Source`; its items have one order and one identity wherever they were loaded."""

    source: Source

    @abstractmethod
    def to_items(self, row: dict[str, Any]) -> list[Item]:
        """The items of a row: one, or none where the row cannot be asked or graded."""

    def pool(self) -> list[Item]:
        """Items in the order of their ids, duplicates once."""
        found = {item.id: item for row in rows(self.source) for item in self.to_items(row)}
        return [found[i] for i in sorted(found)]

    @property
    def fingerprint(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """SHA-256 of all items."""
        content = [[i.id, i.question, i.answer, i.level, i.group, i.meta] for i in self.pool()]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


__all__ = ["ExternalBenchmark", "Source"]
