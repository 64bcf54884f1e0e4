"""degradation: fine-tune a student on each teacher's generic chat and see what it can no longer do.

Source: "Why does off-model SFT degrade capabilities?", the student × teacher matrix and its controls.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from offmodel.benchmarks import get_benchmark
from offmodel.metrics.cells import Arm, Cell, correct, find, make_cells
from offmodel.metrics.paired import bootstrap_means
from offmodel.studies.base import Build, Finding, Load, Study, StudyResult, decide
from offmodel.studies.setup import CONTROLS, Setup, SftParams, reasoning


class DegradationParams(SftParams):
    """See `SftParams`.

    Attributes:
        drop: a loss of accuracy this large counts as degradation.
        kept: a short-answer benchmark this close to the base counts as kept.
        control_margin: a control this close to the base counts as harmless.
    """

    drop: float = Field(default=0.3, gt=0)
    kept: float = Field(default=0.03, gt=0)
    control_margin: float = Field(default=0.05, gt=0)


class Degradation(Study):
    name = "degradation"
    question = "What does fine-tuning on each teacher's generic chat do to unrelated benchmarks?"
    params = DegradationParams

    def build(self, params: DegradationParams, load: Load) -> Build:
        setup = Setup(params)
        trainings = {name: setup.train(name) for name in setup.teachers}
        base = setup.base_arm()
        arms = [setup.tuned_arm(step, name) for name, step in trainings.items()]
        yield [e for arm in [base, *arms] for e in arm.evaluations.values()]
        cells = make_cells(base, arms, load)
        findings = [
            *selective_loss(cells, params),
            *harder_falls_more(base, arms, cells, load),
            *harmless_controls(cells, params),
        ]
        notes = setup.notes()
        if reasoning(params.benchmarks) is None:
            notes.append("No benchmark of this run needs long reasoning, so the rules about lost reasoning do not apply.")
        return StudyResult([base, *arms], cells, findings, trainings=trainings, notes=notes)


def most_harmful(cells: list[Cell], benchmark: str) -> list[str]:
    """Off-model teachers, those after which the student lost most first."""
    tuned = [c for c in cells if c.benchmark == benchmark and c.whole and c.condition == "sft" and c.teacher not in CONTROLS]
    return [c.teacher for c in sorted(tuned, key=lambda c: c.delta)]


def selective_loss(cells: list[Cell], params: DegradationParams) -> list[Finding]:
    """Some teacher takes reasoning down while short answers stay."""
    main = reasoning(params.benchmarks)
    short = next((b for b in params.benchmarks if not get_benchmark(b).reasoning), None)
    tuned = [c for c in cells if c.benchmark == main and c.whole and c.condition == "sft" and c.teacher not in CONTROLS]
    if main is None or short is None or not tuned:
        return []
    facts = {c.teacher: find(cells, benchmark=short, teacher=c.teacher, condition="sft") for c in tuned}
    hit = [
        c
        for c in tuned
        if c.delta <= -params.drop
        and c.delta_ci[1] < 0
        and abs(facts[c.teacher].delta) <= params.kept
        and "health_explains" not in c.flags
    ]
    enough = find(cells, benchmark=main, condition="base").accuracy >= params.drop
    none_fell = enough and all(c.delta_ci[0] > -params.drop for c in tuned)
    return [
        Finding(
            claim=f"Off-model SFT takes {main} down by {params.drop:g} or more while {short} stays",
            rule=f"supported: some teacher has Δ({main}) ≤ −{params.drop:g} with its interval below 0, not explained by "
            f"truncation or parsing, and |Δ({short})| ≤ {params.kept:g}; against: every teacher's interval lies above "
            f"−{params.drop:g} and the base had that much to lose; else inconclusive",
            verdict="supported" if hit else "against" if none_fell else "inconclusive",
            statistic={
                c.teacher: {
                    f"delta_{main}": c.delta,
                    "ci": c.delta_ci,
                    f"delta_{short}": facts[c.teacher].delta,
                    "flags": c.flags,
                }
                for c in sorted(tuned, key=lambda c: c.delta)
            },
        )
    ]


def harder_falls_more(base: Arm, arms: list[Arm], cells: list[Cell], load: Load) -> list[Finding]:
    """For the teacher that hurts most, the highest level of the reasoning benchmark falls more than the lowest."""
    main = reasoning(tuple(base.evaluations))
    levels = sorted({c.level for c in cells if c.benchmark == main and c.level is not None})
    harmful = most_harmful(cells, main) if main else []
    if main is None or len(levels) < 2 or not harmful:
        return []
    teacher = harmful[0]
    tuned = load(next(a for a in arms if a.teacher == teacher).evaluations[main])
    difference = np.array(correct(tuned), float) - np.array(correct(load(base.evaluations[main])), float)
    at = [difference[[i for i, r in enumerate(tuned) if r["level"] == level]] for level in (levels[0], levels[-1])]
    means = bootstrap_means(at[1], seed=1) - bootstrap_means(at[0], seed=2)
    ci = (round(float(np.quantile(means, 0.025)), 4), round(float(np.quantile(means, 0.975)), 4))
    return [
        Finding(
            claim=f"Longer problems fall more: level {levels[-1]} of {main} against level {levels[0]}, after {teacher}",
            rule="supported: the interval of Δ(highest level) − Δ(lowest level) lies below 0; against: it lies above 0",
            verdict=decide(ci, (-1, -1e-9), (1e-9, 1)),
            statistic={"difference": round(float(at[1].mean() - at[0].mean()), 4), "ci": ci},
        )
    ]


def harmless_controls(cells: list[Cell], params: DegradationParams) -> list[Finding]:
    """Self-distillation and number lists leave reasoning where it was."""
    main, margin = reasoning(params.benchmarks), params.control_margin
    claims = {
        "self": "Training on its own completions does no harm: the loss is not training as such",
        "numbers": "Training on number lists does no harm: the loss is not odd data as such",
    }
    found = []
    for control in [c for c in CONTROLS if c in params.teachers and main]:
        cell = find(cells, benchmark=main, teacher=control, condition="sft")
        found.append(
            Finding(
                claim=claims[control],
                rule=f"supported: the interval of Δ({main}) lies within ±{margin:g}; against: it lies below −{margin:g}",
                verdict=decide(cell.delta_ci, (-margin, margin), (-1, -margin)),
                statistic={"delta": cell.delta, "ci": cell.delta_ci},
            )
        )
    return found
