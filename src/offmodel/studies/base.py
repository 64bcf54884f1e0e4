"""What a study is: parameters, a graph that grows as results arrive, and findings with declared rules.

`Study.build` is a generator: it yields lists of steps it needs, is resumed once their artifacts exist,
and returns a `StudyResult`. So the graph is built when run, a later part can depend on earlier
results, and `offmodel plan` can walk it without running anything.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, computed_field

from offmodel.metrics.cells import Arm, Cell, arm_title
from offmodel.metrics.diagnosis import Diagnosis
from offmodel.pipeline.step import Step
from offmodel.training.train_step import Tuning

Load = Callable[[Step], Any]
"""Reads a finished step's result."""

Verdict = Literal["supported", "against", "inconclusive"]

HYPOTHESES = {
    "H0": "nothing but how answers look (length, parsing)",
    "H1": "the student imitates a dumb teacher",
    "H2": "fitting surprising data moves the model erratically",
    "H3": "SFT in effect noises the weights",
    "H4": "SFT forces the student into a style of reasoning it is bad at",
    "H5": "the ability itself is destroyed",
}
"""Why off-model SFT degrades capabilities: the post's four hypotheses, a measurement artefact and the worst case."""


class Finding(BaseModel):
    """A claim, the rule that decided it, and the numbers it was decided on.

    Attributes:
        claim: in plain words.
        rule: declared in the study file before anything ran.
        verdict: by the rule, never by hand.
        statistic: the numbers, with intervals.
        hypothesis: key of `HYPOTHESES` that the claim bears on; empty for claims about the effect itself.
        speaks: whether the claim, if supported, speaks ``for`` or ``against`` that hypothesis.
    """

    claim: str
    rule: str
    verdict: Verdict
    statistic: dict[str, Any]
    hypothesis: str = ""
    speaks: Literal["for", "against"] = "for"

    @computed_field
    @property
    def evidence(self) -> str:
        """What the verdict says about the hypothesis: ``for``, ``against`` or ``undecided``."""
        if self.verdict == "inconclusive":
            return "undecided"
        other: dict[str, str] = {"for": "against", "against": "for"}
        return self.speaks if self.verdict == "supported" else other[self.speaks]


@dataclass
class Plot:
    """One figure of a study, as data; `report.plots` draws it.

    Attributes:
        name: of its files.
        kind: ``lines``, ``bars``, ``scatter`` or ``matrix``.
        caption: what it shows, with the meaning of intervals and marks.
        x, y: what the axes are called.
        rows: flat; all need ``x`` and ``y``. Optional: ``low`` and ``high`` (interval of y), ``series`` (colour),
            ``panel``, ``label``, ``reference`` (dashed line of the panel), ``value`` (of a matrix). Rows with
            ``student``, ``model`` and ``benchmark`` open those transcripts when clicked.
        line: a fitted line in a scatter: rows of ``x``, ``y`` and the interval ``low``, ``high``.
        page: heading that it stands under.
    """

    name: str
    kind: Literal["lines", "bars", "scatter", "matrix"]
    caption: str
    x: str
    y: str
    rows: list[dict[str, Any]]
    line: list[dict[str, float]] = field(default_factory=list)
    page: str = ""


@dataclass
class StudyResult:
    """What a finished study hands to the report."""

    arms: list[Arm]
    cells: list[Cell]
    findings: list[Finding]
    plots: list[Plot] = field(default_factory=list)
    trainings: Mapping[str, Tuning] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    diagnoses: list[Diagnosis] = field(default_factory=list)


SMALL: dict[str, Any] = {
    "student": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "teachers": ("HuggingFaceTB/SmolLM2-360M-Instruct", "Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen3-0.6B", "self"),
    "benchmarks": ("gsm8k", "mmlu", "ifeval"),
    "prompts": "alpaca",
    "learning_rate": 2e-4,
    "rank": 32,
    "steps": 300,
    "max_new_tokens": 1024,
}
"""One small GPU."""

PAPER: dict[str, Any] = {
    "student": "qwen30b",
    "teachers": ("llama8b", "llama70b", "qwen4b", "qwen235b", "self"),
    "benchmarks": ("math500", "olympiadbench", "mmlu", "ifeval"),
    "prompts": "alpaca",
    "examples": 1000,
    "learning_rate": 1e-4,
    "rank": 32,
    "steps": 300,
    "max_new_tokens": 2048,
}
"""The models of the post."""


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
    scales: ClassVar[dict[str, dict[str, Any]]] = {"organism": {}, "small": SMALL, "paper": PAPER}

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


def cell_row(cell: Cell, delta: bool = False) -> dict[str, Any]:
    """A cell as a row of a `Plot`: its accuracy, or its change, with the interval, and what a click opens."""
    y, (low, high) = (cell.delta, cell.delta_ci) if delta else (cell.accuracy, cell.ci)
    model = "base" if cell.condition == "base" else arm_title(cell.teacher, cell.condition)
    names = {"student": cell.student, "model": model, "benchmark": cell.benchmark}
    return {"y": y, "low": low, "high": high} | names | {"n": cell.n}
