"""Cells: one model × one benchmark × one condition, with statistics against the base and health."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.evaluate import Evaluate
from offmodel.benchmarks.health import as_columns, flags, health, overflow_rate, trace_rates, ungraded_rate
from offmodel.metrics.paired import holm, mcnemar_exact, minimum_detectable_effect, paired_delta, wilson

Rows = list[dict[str, Any]]


class Cell(BaseModel):
    """A row of ``cells.csv``; see `metrics.paired` and `benchmarks.health` for the columns."""

    student: str
    teacher: str
    condition: str
    benchmark: str
    level: int | None
    group: str | None = None
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
    run_on_rate: float = 0.0
    flags: list[str]
    measures: dict[str, float] = {}
    artifact: str

    @property
    def whole(self) -> bool:
        """Whether this is a whole benchmark rather than a level or group of it."""
        return self.level is None and self.group is None


@dataclass(frozen=True)
class Arm:
    """A model under one condition, with its evaluation on each benchmark."""

    student: str
    teacher: str
    condition: str
    evaluations: dict[str, Evaluate] = field(hash=False)

    @property
    def title(self) -> str:
        return arm_title(self.teacher, self.condition)


def arm_title(teacher: str, condition: str) -> str:
    """What to call a tuned model in tables and figures."""
    return teacher if condition == "sft" else f"{teacher} · {condition}"


def correct(rows: Rows) -> list[bool]:
    return [bool(row["correct"]) for row in rows]


def difference(now: Rows, before: Rows) -> tuple[float, tuple[float, float]]:
    """Mean difference in being right, ``now`` − ``before``, over the same items, with its paired interval."""
    if [r["id"] for r in now] != [r["id"] for r in before]:
        raise ValueError("the two answer different items")
    delta, interval = paired_delta(correct(now), correct(before))
    return round(delta, 4), _rounded(interval)


def make_cells(base: Arm, arms: Sequence[Arm], load: Callable[[Evaluate], Rows]) -> list[Cell]:
    """Cells of the base and of every arm, whole benchmarks first, then levels, then groups.

    Holm's correction runs over all comparisons of each of the three kinds.
    """
    whole: list[Cell] = []
    parts: dict[str, list[Cell]] = {"level": [], "group": []}
    for arm in [base, *arms]:
        for name, evaluation in arm.evaluations.items():
            tuned, before = load(evaluation), load(base.evaluations[name])
            artifact = evaluation.name()
            whole.append(_cell(arm, name, tuned, before, artifact))
            for part, cells in parts.items():
                found = sorted({row[part] for row in tuned if row.get(part) is not None})
                for value in found if len(found) > 1 else []:
                    pick = [i for i, row in enumerate(tuned) if row[part] == value]
                    halves = [tuned[i] for i in pick], [before[i] for i in pick]
                    cells.append(_cell(arm, name, *halves, artifact, **{part: value}))
    return _corrected(whole) + _corrected(parts["level"]) + _corrected(parts["group"])


def _cell(
    arm: Arm, benchmark: str, tuned: Rows, base: Rows, artifact: str, level: int | None = None, group: str | None = None
) -> Cell:
    if [r["id"] for r in tuned] != [r["id"] for r in base]:
        raise ValueError(f"{artifact} answers other items than the base")
    now, before = correct(tuned), correct(base)
    delta, delta_ci = paired_delta(now, before)
    n, healthy = len(now), health(tuned)
    measured = get_benchmark(benchmark).measures(tuned) | trace_rates(tuned) | overflow_rate(tuned) | ungraded_rate(tuned)
    return Cell(
        student=arm.student,
        teacher=arm.teacher,
        condition=arm.condition,
        benchmark=benchmark,
        level=level,
        group=group,
        n=n,
        accuracy=round(sum(now) / n, 4),
        ci=_rounded(wilson(sum(now), n)),
        delta=round(delta, 4),
        delta_ci=_rounded(delta_ci),
        p_value=mcnemar_exact(now, before),
        p_holm=1.0,
        minimum_detectable_effect=round(minimum_detectable_effect(n), 4),
        **as_columns(healthy),  # pyright: ignore[reportArgumentType]
        flags=flags(tuned, base, healthy),
        measures={k: round(v, 4) for k, v in measured.items()},
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
    """The one cell with these values; ``level`` and ``group`` are None unless asked for."""
    wanted = {"level": None, "group": None} | wanted
    found = [c for c in cells if all(getattr(c, k) == v for k, v in wanted.items())]
    if len(found) != 1:
        raise KeyError(f"{len(found)} cells match {wanted}")
    return found[0]
