"""What a study is: parameters, a graph that grows as results arrive, and findings with declared rules.

`Study.build` is a generator: it yields lists of steps it needs, is resumed once their artifacts exist,
and returns a `StudyResult`. So the graph is built when run, a later part can depend on earlier
results, and `offmodel plan` can walk it without running anything.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from offmodel.metrics.cells import Arm, Cell
from offmodel.pipeline.step import Step
from offmodel.training.train_step import Train

Load = Callable[[Step], Any]
"""Reads a finished step's result."""

Verdict = Literal["supported", "against", "inconclusive"]


class Finding(BaseModel):
    """A claim, the rule that decided it, and the numbers it was decided on.

    Attributes:
        claim: in plain words.
        rule: declared in the study file before anything ran.
        verdict: by the rule, never by hand.
        statistic: the numbers, with intervals.
    """

    claim: str
    rule: str
    verdict: Verdict
    statistic: dict[str, Any]


@dataclass
class Curve:
    """Accuracy against a dose, for one teacher and benchmark; points are cells."""

    title: str
    dose: str
    points: list[tuple[float, Cell]]
    base: Cell


@dataclass
class StudyResult:
    """What a finished study hands to the report."""

    arms: list[Arm]
    cells: list[Cell]
    findings: list[Finding]
    curves: list[Curve] = field(default_factory=list)
    trainings: dict[str, Train] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Params(BaseModel):
    """Parameters of a study; every number that matters, each with its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0


Build = Generator[list[Step], None, StudyResult]


class Study(ABC):
    """One study. Subclasses live one a file in `offmodel.studies` and register by their name.

    Attributes:
        name: what users run.
        question: the question it answers, one line.
        version: raise when the meaning of its numbers changes.
        params: the class of its parameters.
        scales: parameter overrides by scale name.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    version: ClassVar[int] = 1
    params: ClassVar[type[Params]]
    scales: ClassVar[dict[str, dict[str, Any]]] = {"organism": {}}

    @abstractmethod
    def build(self, params: Any, load: Load) -> Build:
        """Yield the steps needed next; return the result once the last are there."""


def decide(interval: tuple[float, float], supported: tuple[float, float], against: tuple[float, float]) -> Verdict:
    """The verdict of an interval: inside the ``supported`` range, inside the ``against`` range, or neither."""
    low, high = interval
    if supported[0] <= low and high <= supported[1]:
        return "supported"
    if against[0] <= low and high <= against[1]:
        return "against"
    return "inconclusive"
