"""What explains a loss: measures of one tuned model, and rules with thresholds that name the cause.

The thresholds were chosen on the planted causes of seeds 0 to 4 and are reported on later seeds, see
`offmodel organisms calibrate` and docs/results/calibration.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from offmodel.metrics.paired import Interval

Cause = Literal["none", "truncated", "noise", "dumb_teacher", "style", "destroyed", "unclear"]

CAUSES: dict[str, str] = {
    "none": "nothing was lost",
    "truncated": "only the answers' length changed",
    "noise": "the weights were noised",
    "dumb_teacher": "the teacher's errors were learned",
    "style": "the ability is there, but not in the style of reasoning that was learned",
    "destroyed": "the ability is gone",
}


class Evidence(BaseModel):
    """Measures of a tuned model against its base on one reasoning benchmark.

    Attributes:
        base, tuned: accuracy.
        delta_ci: interval of tuned − base, paired.
        finished: share of the loss that comes back when unfinished answers are finished.
        stable_rank: of the weight change, relative to random noise of the same shape: 1 is noise, training is far below.
        copied: share of items the teacher gets wrong on which the tuned model gives the teacher's very answer,
            above how often the base does; None when the teacher gets too few wrong, or is not known.
        prefilled: share of the loss that comes back when the base begins the answer.
        reminded: share of the loss that comes back after a reminder.
    """

    base: float
    tuned: float
    delta_ci: Interval
    finished: float
    stable_rank: float | None
    copied: float | None
    prefilled: float
    reminded: float


class Thresholds(BaseModel):
    """Where each rule draws its line.

    Attributes:
        loss: a loss whose interval does not reach below −loss is none.
        finished, stable_rank, copied: at or above this the cause is named.
        recovered: share of the loss that prefill or reminder brings back when the ability is still there.
    """

    loss: float = 0.05
    finished: float = 0.5
    stable_rank: float = 0.6
    copied: float = 0.4
    recovered: float = 0.5


class Diagnosis(BaseModel):
    """A cause, in which words, and on what evidence."""

    model: str
    cause: Cause
    reasons: list[str]
    evidence: dict[str, Any]


def diagnose(model: str, evidence: Evidence, at: Thresholds | None = None) -> Diagnosis:
    """Name the cause: the first rule that applies, from artefacts of measurement to loss of the ability."""
    at, e = at or Thresholds(), evidence
    cause, reason = _first_rule(e, at)
    low, high = e.delta_ci
    lost = f"accuracy {e.base:.3f} before and {e.tuned:.3f} after, interval of the change {low:+.3f} to {high:+.3f}"
    return Diagnosis(model=model, cause=cause, reasons=[lost, reason], evidence=e.model_dump())


def _first_rule(e: Evidence, at: Thresholds) -> tuple[Cause, str]:
    if e.delta_ci[1] >= 0 or e.base - e.tuned < at.loss:
        return "none", f"the interval reaches zero, or the loss is below {at.loss:g}"
    if e.finished >= at.finished:
        return (
            "truncated",
            f"{e.finished:.0%} of the loss comes back when unfinished answers are finished (rule: {at.finished:.0%})",
        )
    if e.stable_rank is not None and e.stable_rank >= at.stable_rank:
        return (
            "noise",
            f"the weight change is spread like noise: {e.stable_rank:.2f} of its stable rank (rule: {at.stable_rank:g})",
        )
    if e.copied is not None and e.copied >= at.copied:
        return "dumb_teacher", f"{e.copied:.0%} of the teacher's wrong answers are given in its words (rule: {at.copied:.0%})"
    back = max(e.prefilled, e.reminded)
    ways = f"prefill brings back {e.prefilled:.0%} and a reminder {e.reminded:.0%} of the loss (rule: {at.recovered:.0%})"
    if back >= at.recovered:
        return "style", ways
    return "destroyed", ways
