"""Cells: one model × one benchmark × one condition, with statistics against the base and health."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from offmodel.benchmarks.evaluate import Evaluate
from offmodel.benchmarks.health import as_columns, flags, health
from offmodel.metrics.paired import holm, mcnemar_exact, minimum_detectable_effect, paired_delta, wilson

Rows = list[dict[str, Any]]


class Cell(BaseModel):
    """A row of ``cells.csv``; see `metrics.paired` and `benchmarks.health` for the columns."""

    student: str
    teacher: str
    condition: str
    benchmark: str
    level: int | None
    n: int
    accuracy: float
    ci: tuple[float, float]
    delta: float
    delta_ci: tuple[float, float]
    p_value: float
    p_holm: float
    minimum_detectable_effect: float
    parse_rate: float
    truncation_rate: float
    empty_rate: float
    missing_eos_rate: float
    mean_tokens: float
    accuracy_parsed: float | None
    flags: list[str]
    artifact: str


@dataclass(frozen=True)
class Arm:
    """A model under one condition, with its evaluation on each benchmark."""

    student: str
    teacher: str
    condition: str
    evaluations: dict[str, Evaluate] = field(hash=False)

    @property
    def title(self) -> str:
        return self.teacher if self.condition == "sft" else f"{self.teacher} · {self.condition}"


def correct(rows: Rows) -> list[bool]:
    return [bool(row["correct"]) for row in rows]


def make_cells(base: Arm, arms: Sequence[Arm], load: Callable[[Evaluate], Rows]) -> list[Cell]:
    """Cells of the base and of every arm, whole benchmarks first and then levels.

    Holm's correction runs over all whole-benchmark comparisons of the call, and over all by-level ones.
    """
    whole: list[Cell] = []
    levels: list[Cell] = []
    for arm in [base, *arms]:
        for name, evaluation in arm.evaluations.items():
            tuned, before = load(evaluation), load(base.evaluations[name])
            artifact = evaluation.name()
            whole.append(_cell(arm, name, None, tuned, before, artifact))
            found = sorted({row["level"] for row in tuned if row["level"] is not None})
            for level in found if len(found) > 1 else []:
                pick = [i for i, row in enumerate(tuned) if row["level"] == level]
                levels.append(_cell(arm, name, level, [tuned[i] for i in pick], [before[i] for i in pick], artifact))
    return _corrected(whole) + _corrected(levels)


def _cell(arm: Arm, benchmark: str, level: int | None, tuned: Rows, base: Rows, artifact: str) -> Cell:
    if [r["id"] for r in tuned] != [r["id"] for r in base]:
        raise ValueError(f"{artifact} answers other items than the base")
    now, before = correct(tuned), correct(base)
    delta, delta_ci = paired_delta(now, before)
    n = len(now)
    return Cell(
        student=arm.student,
        teacher=arm.teacher,
        condition=arm.condition,
        benchmark=benchmark,
        level=level,
        n=n,
        accuracy=round(sum(now) / n, 4),
        ci=_rounded(wilson(sum(now), n)),
        delta=round(delta, 4),
        delta_ci=_rounded(delta_ci),
        p_value=mcnemar_exact(now, before),
        p_holm=1.0,
        minimum_detectable_effect=round(minimum_detectable_effect(n), 4),
        **as_columns(health(tuned)),  # pyright: ignore[reportArgumentType]
        flags=flags(tuned, base),
        artifact=artifact,
    )


def _rounded(interval: tuple[float, float]) -> tuple[float, float]:
    return (round(interval[0], 4), round(interval[1], 4))


def _corrected(cells: list[Cell]) -> list[Cell]:
    compared = [c for c in cells if c.condition != "base"]
    for cell, p in zip(compared, holm([c.p_value for c in compared]), strict=True):
        cell.p_holm = p
    return cells


def find(cells: Sequence[Cell], **wanted: Any) -> Cell:
    """The one cell with these values; ``level`` is None unless asked for."""
    wanted = {"level": None} | wanted
    found = [c for c in cells if all(getattr(c, k) == v for k, v in wanted.items())]
    if len(found) != 1:
        raise KeyError(f"{len(found)} cells match {wanted}")
    return found[0]
