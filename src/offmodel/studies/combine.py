"""Several studies as one: their parameters from one set, their results in one report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from offmodel.metrics.cells import Arm, Cell
from offmodel.studies.base import Params, StudyResult

P = TypeVar("P", bound=Params)


def restricted(params: Params, wanted: type[P], **changes: Any) -> P:
    """The parameters that another study has in common with these, and ``changes``; its own defaults for the rest."""
    shared = {name: getattr(params, name) for name in wanted.model_fields if name in type(params).model_fields}
    return wanted(**(shared | changes))


def combined(results: dict[str, StudyResult], prefix: str = "") -> StudyResult:
    """One result of several, by the heading each stands under; what two of them share is shown once.

    Args:
        results: heading -> result.
        prefix: put before the names of figures, when other results of the same studies stand beside these.
    """
    arms: dict[tuple, Arm] = {}
    cells: dict[tuple, Cell] = {}
    whole = StudyResult([], [], [])
    for heading, result in results.items():
        for arm in result.arms:
            key = (arm.teacher, arm.condition)
            arms[key] = replace(arm, evaluations=arms[key].evaluations | arm.evaluations) if key in arms else arm
        for cell in result.cells:
            cells.setdefault((cell.student, cell.teacher, cell.condition, cell.benchmark, cell.level, cell.group), cell)
        for plot in result.plots:
            named = replace(plot, page=heading) if prefix else plot
            whole.plots.append(replace(named, name=f"{prefix}-{plot.name}") if prefix else named)
        whole.findings += result.findings
        whole.trainings |= {(f"{prefix}: {name}" if prefix else name): step for name, step in result.trainings.items()}
        whole.notes += [note for note in result.notes if note not in whole.notes]
        whole.diagnoses += result.diagnoses
    whole.arms, whole.cells = list(arms.values()), list(cells.values())
    return whole
