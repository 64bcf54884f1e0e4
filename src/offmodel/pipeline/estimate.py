"""How long steps will take, from what steps of their kind took before."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Store

TYPICAL = Path(__file__).with_name("typical.json")
"""Mean seconds by kind of step, and what whole studies took, with organisms on two CPU cores.

Written by ``benchmarks_perf/typical_seconds.py``.
"""


@dataclass(frozen=True)
class Estimate:
    """Wall-clock seconds of some steps.

    Attributes:
        seconds: with every worker busy, but no less than the longest chain of steps takes.
        kinds_seen: kinds that this store has run before; the others are reckoned as organisms on two CPU cores.
        kinds_assumed: those others.
    """

    seconds: float
    kinds_seen: tuple[str, ...]
    kinds_assumed: tuple[str, ...]


@cache
def typical() -> dict[str, Any]:
    """The contents of `TYPICAL`."""
    return json.loads(TYPICAL.read_text(encoding="utf-8"))


def mean_seconds(store: Store) -> dict[str, float]:
    """Kind of step -> mean seconds of the store's artifacts of that kind."""
    found: dict[str, list[float]] = defaultdict(list)
    for artifact in store.artifacts():
        found[artifact.directory.parent.name].append(float(artifact.record["seconds"]))
    return {kind: sum(took) / len(took) for kind, took in found.items()}


def estimate(steps: Mapping[str, Step], store: Store, workers: int) -> Estimate:
    """Reckon what ``steps``, by fingerprint, will take.

    Args:
        steps: everything to run, with inputs among them where those are still to run.
        store: whose history counts first.
        workers: processes that run steps at once.
    """
    seen = mean_seconds(store)
    known: dict[str, float] = typical()["seconds"] | seen
    took = {key: known.get(step.kind, 0.0) for key, step in steps.items()}
    ends: dict[str, float] = {}

    def end(key: str) -> float:
        """When a step can be done at the earliest."""
        if key not in ends:
            needed = [i.fingerprint() for i in steps[key].inputs()]
            ends[key] = took[key] + max((end(i) for i in needed if i in steps), default=0.0)
        return ends[key]

    kinds = {step.kind for step in steps.values()}
    return Estimate(
        seconds=max([sum(took.values()) / max(1, workers), *(end(key) for key in steps)]),
        kinds_seen=tuple(sorted(kinds & set(seen))),
        kinds_assumed=tuple(sorted(kinds - set(seen))),
    )
