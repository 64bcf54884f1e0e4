"""thinking (H4): is reasoning in a thinking block safe from SFT that never trains one?

Source: "Why does off-model SFT degrade capabilities?", evidence 4.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from offmodel.metrics.cells import correct, find, make_cells
from offmodel.metrics.paired import paired_delta
from offmodel.models.thinking import require_thinking
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import Setup, SftParams


class ThinkingParams(SftParams):
    """See `SftParams`.

    Attributes:
        student: a model with a thinking mode.
        thinking_tokens: budget of the thinking; the answer has its own.
    """

    student: str = "organism:thinker"
    teachers: tuple[str, ...] = ("organism:prose", "organism:pirate")
    benchmarks: tuple[str, ...] = ("arith", "arith_hard")
    thinking_tokens: int | None = Field(default=200, gt=0)


class Thinking(Study):
    name = "thinking"
    question = "Trained on answers without thinking, does a thinking model still reason well when it thinks?"
    params = ThinkingParams

    def build(self, params: ThinkingParams, load: Load) -> Build:
        setup = Setup(params)
        require_thinking(setup.student)
        budgets = {"without": None, "with": params.thinking_tokens or 200}
        bases = {how: setup.base_arm(thinking_tokens=budget) for how, budget in budgets.items()}
        arms = {
            (name, how): setup.tuned_arm(
                setup.train(name), name, "sft" if how == "without" else "sft, thinking", thinking_tokens=budget
            )
            for name in setup.teachers
            for how, budget in budgets.items()
        }
        yield [e for arm in [*bases.values(), *arms.values()] for e in arm.evaluations.values()]
        thinking = replace(bases["with"], condition="base, thinking")
        cells = make_cells(bases["without"], [thinking, *(a for (_, how), a in arms.items() if how == "without")], load)
        cells += make_cells(bases["with"], [a for (_, how), a in arms.items() if how == "with"], load)[len(params.benchmarks) :]
        rows = []
        for (name, how), arm in arms.items():
            for b in params.benchmarks:
                cell = find(cells, benchmark=b, teacher=name, condition=arm.condition)
                rows.append(cell_row(cell, delta=True) | {"x": name, "series": f"{how} thinking", "panel": b})
        findings = [spared(name, b, bases, arms, load) for name in setup.off_model() for b in params.benchmarks]
        caption = "Change of accuracy after SFT on answers without thinking, evaluated without and with thinking."
        plot = Plot("thinking", "bars", caption, "", "Δ accuracy", rows, page="Thinking")
        return StudyResult([bases["without"], *arms.values()], cells, findings, [plot])


def spared(name: str, benchmark: str, bases: dict, arms: dict, load: Load) -> Finding:
    """Whether thinking loses less than plain answers do."""
    right = {how: [correct(load(arm.evaluations[benchmark])) for arm in (arms[name, how], base)] for how, base in bases.items()}
    change = {how: [a - b for a, b in zip(tuned, base, strict=True)] for how, (tuned, base) in right.items()}
    gap, ci = paired_delta(change["with"], change["without"])
    means = {f"delta_{how}": round(sum(c) / len(c), 4) for how, c in change.items()}
    return Finding(
        claim=f"After {name}, {benchmark} loses less with thinking than without",
        rule="supported: the interval of (change with thinking − change without) lies above 0; against: it lies below 0",
        verdict=decide(ci, (1e-9, 2), (-2, -1e-9)),
        statistic=means | {"difference": round(gap, 4), "ci": [round(x, 4) for x in ci]},
        hypothesis="H4",
    )
