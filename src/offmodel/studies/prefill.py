"""prefill (H4): does a light push into its own style bring the ability back?

Source: "Why does off-model SFT degrade capabilities?", evidence 2. The control is a student of another family,
tuned on the same teacher and given the same first tokens.
"""

from __future__ import annotations

from pydantic import Field

from offmodel.benchmarks.evaluate import Evaluate, Prefill
from offmodel.errors import OffmodelError
from offmodel.metrics.cells import Arm, Cell, correct, make_cells
from offmodel.metrics.paired import paired_delta, recovered_share
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import Setup, SftParams


class PrefillParams(SftParams):
    """See `SftParams`.

    Attributes:
        control: a student of another family, tuned on the same teachers; empty for none.
        tokens: how many of the base's own tokens begin the answer.
        few: up to this many tokens is a light push.
        prefill_share: this share of the loss brought back counts as recovery.
    """

    teachers: tuple[str, ...] = ("organism:pirate",)
    benchmarks: tuple[str, ...] = ("arith",)
    control: str = "organism:prose"
    tokens: tuple[int, ...] = (0, 2, 4, 8, 16, 32, 64)
    few: int = Field(default=8, gt=0)
    prefill_share: float = Field(default=0.5, gt=0, le=1)


class PrefillStudy(Study):
    name = "prefill"
    question = "How many of the base's own tokens does the tuned student need to reason well again?"
    params = PrefillParams

    def build(self, params: PrefillParams, load: Load) -> Build:
        setup = Setup(params)
        main = setup.reasoning()
        if params.control and params.control in (params.student, *params.teachers):
            raise OffmodelError(
                f"the control {params.control} is the student or its teacher", "name a student of another family in control="
            )
        students = {"student": setup}
        if params.control:
            students["control"] = Setup(params.model_copy(update={"student": params.control}))
        base = setup.base_arm(benchmarks=(main,))
        given = base.evaluations[main]
        yield [given]
        if not any(correct(load(given))):
            raise OffmodelError(
                f"{setup.student.short} answers no item of {main} correctly, there is nothing to lose", "raise n="
            )
        arms = {
            (role, name, k): begun(of, name, k, given, role)
            for role, of in students.items()
            for name in setup.off_model()
            for k in params.tokens
        }
        yield [e for arm in arms.values() for e in arm.evaluations.values()]
        cells, rows = make_cells(base, [], load), []
        for (role, name, k), arm in arms.items():
            cell = open_cell(base, arm, load)
            if cell is not None:
                cells.append(cell)
                who = f"{students[role].student.short} after {name}"
                rows.append(cell_row(cell) | {"x": k, "series": who, "panel": main, "reference": cells[0].accuracy})
        findings = [f for name in setup.off_model() for f in judge(name, arms, given, params, load)]
        caption = (
            f"Accuracy on {main} when the base's first k tokens begin the answer; items whose answer was given away are left "
            "out; dashed: the base."
        )
        plot = Plot("prefill", "lines", caption, "tokens given", "accuracy", rows, page="Prefill")
        return StudyResult([base, *(a for (role, _, _), a in arms.items() if role == "student")], cells, findings, [plot])


def begun(setup: Setup, name: str, k: int, given: Evaluate, role: str) -> Arm:
    """A tuned student whose answers are begun with ``k`` tokens of ``given``."""
    options = {"prefill": Prefill(step=given, tokens=k)} if k else {}
    condition = ("sft" if not k else f"prefill {k}") if role == "student" else f"{setup.student.short}, prefill {k}"
    return setup.tuned_arm(setup.train(name), name, condition, benchmarks=(given.benchmark,), **options)


def open_rows(rows: list[dict], before: list[dict]) -> tuple[list[dict], list[dict]]:
    """Rows of a prefilled evaluation, and the base's, without the items whose answer was given away."""
    kept = [i for i, row in enumerate(rows) if not row.get("given")]
    return [rows[i] for i in kept], [before[i] for i in kept]


def open_cell(base: Arm, arm: Arm, load: Load) -> Cell | None:
    """The cell over the items that still say something; None when there are none."""
    ((name, evaluation),) = arm.evaluations.items()
    now, before = open_rows(load(evaluation), load(base.evaluations[name]))
    if not now:
        return None
    kept = {evaluation.name(): now, base.evaluations[name].name(): before}
    return next(c for c in make_cells(base, [arm], lambda e: kept[e.name()]) if c.condition == arm.condition and c.whole)


def gains(now: list[dict], plain: list[dict], ids: set[str]) -> list[float]:
    """What the begun answers gained over the plain ones on the items ``ids``, item by item."""
    after, before = ({row["id"]: row["correct"] for row in rows} for rows in (now, plain))
    return [float(after[i]) - float(before[i]) for i in sorted(ids)]


def judge(name: str, arms: dict, given: Evaluate, params: PrefillParams, load: Load) -> list[Finding]:
    """A light push recovers the student, and does less for the control."""
    main = given.benchmark
    before, few = load(given), [k for k in params.tokens if 0 < k <= params.few]
    tuned = load(arms["student", name, 0].evaluations[main])
    lost = (sum(correct(before)) - sum(correct(tuned))) / len(before)
    if not few or lost < 0.1:
        return []
    k = max(few)
    now, kept = open_rows(load(arms["student", name, k].evaluations[main]), before)
    ids = {row["id"] for row in now}
    plain = [row for row in tuned if row["id"] in ids]
    share, ci = recovered_share(correct(kept), correct(plain), correct(now))
    findings = [
        Finding(
            claim=f"After {name}, {k} tokens of the base's own bring back {params.prefill_share:.0%} of the loss on {main}",
            rule=f"supported: the interval of the share lies at or above {params.prefill_share:g}; against: it lies below",
            verdict=decide(ci, (params.prefill_share, 1e9), (-1e9, params.prefill_share - 1e-9)),
            statistic={"share": round(share, 4), "ci": [round(x, 4) for x in ci], "n": len(now)},
            hypothesis="H4",
        )
    ]
    if ("control", name, k) in arms:
        pushed, _ = open_rows(load(arms["control", name, k].evaluations[main]), before)
        alone = load(arms["control", name, 0].evaluations[main])
        both = ids & {row["id"] for row in pushed}  # their tokens differ, and so what is given away
        gap, interval = paired_delta(gains(now, plain, both), gains(pushed, alone, both))
        findings.append(
            Finding(
                claim=f"The same {k} tokens help {params.control.rsplit(':')[-1]}, a student of another family, less",
                rule="supported: the interval of (student's gain − control's gain) lies above 0; against: it lies below 0",
                verdict=decide(interval, (1e-9, 2), (-2, -1e-9)),
                statistic={"difference": round(gap, 4), "ci": [round(x, 4) for x in interval]},
                hypothesis="H4",
            )
        )
    return findings
