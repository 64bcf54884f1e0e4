"""Several studies as one: their parameters from one set, their results in one report."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any, TypeVar

from offmodel.errors import OffmodelError
from offmodel.metrics.cells import Arm, Cell
from offmodel.pipeline.step import Step
from offmodel.studies.base import Build, Params, StudyResult

P = TypeVar("P", bound=Params)


def restricted(params: Params, wanted: type[P], **changes: Any) -> P:
    """The parameters that another study has in common with these, and ``changes``; its own defaults for the rest."""
    shared = {name: getattr(params, name) for name in wanted.model_fields if name in type(params).model_fields}
    return wanted(**(shared | changes))


Together = Generator[list[Step], None, tuple[dict[str, StudyResult], list[str]]]


def together(builds: dict[str, Build]) -> Together:
    """Build several studies at once, so that what one waits for runs beside what another does.

    A study that these models cannot carry, as it says at once or from what it measured, is left out.

    Returns:
        the results by name, and why studies were left out.
    """
    results: dict[str, StudyResult] = {}
    asked: dict[str, list[Step]] = {}
    left_out: list[str] = []

    def advance(name: str) -> None:
        asked.pop(name, None)
        try:
            asked[name] = next(builds[name])
        except StopIteration as done:
            results[name] = done.value
        except OffmodelError as e:
            left_out.append(f"{name} was left out: {e}")

    for name in builds:
        advance(name)
    while asked:
        yield [step for steps in asked.values() for step in steps]
        for name in list(asked):
            advance(name)
    return {name: results[name] for name in builds if name in results}, left_out


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
            key = (arm.student, arm.teacher, arm.condition)
            arms[key] = replace(arm, evaluations=arms[key].evaluations | arm.evaluations) if key in arms else arm
        for cell in result.cells:
            cells.setdefault((cell.student, cell.teacher, cell.condition, cell.benchmark, cell.level, cell.group), cell)
        for plot in result.plots:
            named = replace(plot, page=heading) if prefix else plot
            whole.plots.append(replace(named, name=f"{prefix}-{plot.name}") if prefix else named)
        whole.findings += result.findings
        named_trainings = {(f"{prefix}: {name}" if prefix else name): step for name, step in result.trainings.items()}
        whole.trainings = {**whole.trainings, **named_trainings}
        whole.notes += [note for note in result.notes if note not in whole.notes]
        whole.diagnoses += result.diagnoses
    whole.arms, whole.cells = list(arms.values()), list(cells.values())
    return whole
