"""Running a study from text parameters to its result, and walking it without running anything."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, get_origin

from pydantic import ValidationError

from offmodel.errors import OffmodelError, misfit, unknown
from offmodel.pipeline.runner import Counts, Runner, missing
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Store
from offmodel.studies import get_study
from offmodel.studies.base import Load, Params, Study, StudyResult


@dataclass
class Outcome:
    """A study that ran: its result and what it took."""

    study: Study
    params: Params
    result: StudyResult
    counts: Counts
    seconds: float
    store: Store


def parse_params(study: Study, pairs: list[str], scale: str = "organism") -> Params:
    """Parameters from ``key=value`` texts over the scale's presets; lists are comma-separated.

    Raises:
        OffmodelError: for an unknown scale or key (the nearest is suggested) or a value that does not fit.
    """
    if scale not in study.scales:
        raise unknown(f"scale of study {study.name}", scale, study.scales)
    fields = study.params.model_fields
    values: dict[str, Any] = dict(study.scales[scale])
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise OffmodelError(f"{pair!r} is not a parameter", "write key=value, for example n=100")
        if key not in fields:
            raise unknown(f"parameter of study {study.name}", key, fields)
        is_list = get_origin(fields[key].annotation) is tuple
        values[key] = tuple(part for part in text.split(",") if part) if is_list else text
    try:
        return study.params(**values)
    except ValidationError as e:
        raise misfit(e, study.name, "see `offmodel show STUDY`") from e


def run_study(name: str, pairs: list[str], scale: str, runner: Runner) -> Outcome:
    """Run a study; everything finished stays in the store whatever happens.

    Raises:
        OffmodelError: for anything a person can mend.
    """
    start = time.monotonic()
    study = get_study(name)
    params = parse_params(study, pairs, scale)
    building = study.build(params, remembering(runner.store))
    try:
        while True:
            runner.ensure(next(building))
    except StopIteration as done:
        result: StudyResult = done.value
    return Outcome(study, params, result, runner.counts, time.monotonic() - start, runner.store)


def remembering(store: Store) -> Load:
    """Reads results from a store, each once: several findings look at the same evaluation."""
    known: dict[str, Any] = {}

    def load(step: Step) -> Any:
        if step.fingerprint() not in known:
            known[step.fingerprint()] = store.load(step)
        return known[step.fingerprint()]

    return load


@dataclass
class Plan:
    """What a study would do: steps to run and steps cached, by fingerprint, and whether more depends on results not there yet."""

    to_run: dict[str, Step]
    cached: dict[str, Step]
    open_ended: bool


def plan_study(name: str, pairs: list[str], scale: str, store: Store) -> Plan:
    """Walk a study's graph as far as the store's results allow, running nothing."""
    study = get_study(name)
    building = study.build(parse_params(study, pairs, scale), remembering(store))
    cached: dict[str, Step] = {}
    for steps in building:
        to_run, found = missing(steps, store)
        cached |= found
        if to_run:
            return Plan(to_run, cached, open_ended=True)
    return Plan({}, cached, open_ended=False)
