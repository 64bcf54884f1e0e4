"""mitigations: what each brings back, what it leaves of the trained behaviour, and what it costs.

Source: "Why does off-model SFT degrade capabilities?", conclusion; the advice post's trade-off of removal against capability.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from offmodel.data.teachers import ModelCompletions
from offmodel.errors import OffmodelError
from offmodel.metrics.cells import correct, find, make_cells
from offmodel.metrics.paired import recovered_share
from offmodel.metrics.style import StyleShift
from offmodel.mitigations import mend
from offmodel.mitigations.base import Case
from offmodel.mitigations.cost import cost
from offmodel.models.spec import ModelSpec
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import Setup, SftParams
from offmodel.studies.style import own_chat, teacher_chat
from offmodel.training.train_step import Tuning

WORTH_REPAIR = 0.1
"""Accuracy that must have been lost for shares of it to mean anything."""


class MitigationsParams(SftParams):
    """See `SftParams`.

    Attributes:
        methods: mitigations, or chains of them such as ``mixing+reminder``; each with its own defaults.
        own: completions of its own that the student may be reminded with.
        chat: held-out replies that the style classifier is fitted on, and as many on which the voice is measured.
        worth: share of the loss that a method should bring back.
    """

    teachers: tuple[str, ...] = ("organism:pirate",)
    benchmarks: tuple[str, ...] = ("arith", "facts")
    methods: tuple[str, ...] = (
        "reminder",
        "teacher_reminder",
        "on_policy_distillation",
        "grpo",
        "weight_interpolation",
        "proxy_tuning",
        "mixing",
        "inoculation",
        "low_support_clipping",
        "paraphrase",
        "student_written",
        "multi_style",
        "kl_to_base",
        "lima",
    )
    own: int = Field(default=64, gt=0)
    chat: int = Field(default=80, ge=10)
    worth: float = Field(default=0.8, gt=0, le=1)


class Mitigations(Study):
    name = "mitigations"
    question = "What brings the capability back, what does it leave of the trained behaviour, and at what cost?"
    params = MitigationsParams

    def build(self, params: MitigationsParams, load: Load) -> Build:
        setup = Setup(params)
        main, names = setup.reasoning(), setup.off_model()
        if not names:
            raise OffmodelError("every teacher is a control, there is nothing to repair", "name a model in teachers=")
        base = setup.base_arm()
        cases = {name: case_of(setup, name) for name in names}
        models = {(name, "sft"): case.tuned for name, case in cases.items()}
        models |= {(name, method): mend(method, case) for name, case in cases.items() for method in params.methods}
        arms = {key: setup.arm(model, *key) for key, model in models.items()}
        voices = {key: voice(setup, key[0], model) for key, model in models.items()}
        yield [*(e for arm in [base, *arms.values()] for e in arm.evaluations.values()), *voices.values()]
        cells = make_cells(base, list(arms.values()), load)
        right = {key: correct(load(arm.evaluations[main])) for key, arm in {"base": base, **arms}.items()}
        lost = {name: (sum(right["base"]) - sum(right[name, "sft"])) / params.n for name in names}
        rows = [
            cell_row(find(cells, benchmark=main, teacher=name, condition=method))
            | repair(right["base"], right[name, "sft"], right[name, method], load(voices[name, method]))
            | cost(model, cases[name].tuned, load)
            | {"series": name, "label": method, "lost": round(lost[name], 4)}
            for (name, method), model in models.items()
            if method != "sft" and lost[name] >= WORTH_REPAIR
        ]
        findings = [judge(r, main, params.worth) for r in rows]
        trainings = {f"{name}, {m}": spec.adapter for (name, m), spec in models.items() if isinstance(spec.adapter, Tuning)}
        notes = [f"{name} took {drop:.2f} of {main}: nothing to repair" for name, drop in lost.items() if drop < WORTH_REPAIR]
        return StudyResult([base, *arms.values()], cells, findings, plots(rows, main) if rows else [], trainings, notes)


def case_of(setup: Setup, name: str) -> Case:
    """The student after the teacher called ``name``, with what may be used to repair it."""
    params: Any = setup.params
    off_model = setup.train(name)
    return Case(
        base=setup.student,
        tuned=setup.student.with_adapter(off_model),
        config=setup.config(),
        own=setup.own(params.own, skip=params.examples + 2 * params.chat),
        data=setup.data(name),
        rows=params.examples,
        words=f"{setup.student.short} on {name}",
    )


def voice(setup: Setup, name: str, model: ModelSpec) -> StyleShift:
    """How far a model's replies to unseen prompts have gone over to the teacher's voice."""
    params: Any = setup.params
    prompts = setup.prompts(params.chat, skip=params.examples + params.chat)
    before = ModelCompletions(model=setup.student, prompts=prompts, sampling=setup.sampling())
    theirs: Any = teacher_chat(setup, name)
    return StyleShift(
        ours=own_chat(setup),
        theirs=theirs,
        before=before,
        reference=theirs.model_copy(update={"prompts": prompts}),
        after=before.model_copy(update={"model": model}),
    )


def repair(base: list[bool], tuned: list[bool], repaired: list[bool], shift: dict[str, Any]) -> dict[str, Any]:
    """The share of the loss that came back, and the voice that is left."""
    share, ci = recovered_share(base, tuned, repaired)
    kept = {"kept": shift["shift"], "kept_ci": shift["ci"]}
    return {"share": round(share, 4), "share_ci": [round(x, 4) for x in ci]} | kept


def judge(found: dict[str, Any], main: str, worth: float) -> Finding:
    """Whether a method brings enough of the loss back; what it leaves of the voice stands beside it."""
    keys = ("lost", "share", "share_ci", "kept", "kept_ci", "generated_tokens", "trained_tokens", "seconds")
    low, high = found["share_ci"]
    return Finding(
        claim=f"{found['label']} brings back {worth:.0%} of what {found['series']} took from {main}",
        rule=f"supported: the interval of the share lies at or above {worth:g}; against: it lies below; `kept` is how much of "
        "the teacher's voice is left in replies to unseen chat (0: the base's voice, 1: the teacher's)",
        verdict=decide((low, high), (worth, float("inf")), (float("-inf"), worth - 1e-9)),
        statistic={key: found[key] for key in keys},
    )


def share(value: float) -> str:
    """A share with two digits and no signed nothing."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def tokens(count: float) -> str:
    """A number of tokens, short enough for a cell."""
    return f"{count / 1000:.1f} k" if count else "–"


def plots(rows: list[dict[str, Any]], main: str) -> list[Plot]:
    """Recovery against the voice kept, and both as a table."""
    caption = f"Share of the loss on {main} that came back, against what is left of the teacher's voice in chat."
    several = len({r["series"] for r in rows}) > 1
    points = [
        r
        | {"x": r["kept"], "y": r["share"], "low": r["share_ci"][0], "high": r["share_ci"][1]}
        | {"series": r["label"], "label": r["series"] if several else ""}
        for r in rows
    ]
    table = [
        {"x": column, "y": f"{r['series']} · {r['label']}", "value": value, "label": label}
        for r in rows
        for column, value, label in [
            ("recovered", r["share"], share(r["share"])),
            ("voice kept", r["kept"], share(r["kept"])),
            ("written", 0, tokens(r["generated_tokens"])),
            ("trained", 0, tokens(r["trained_tokens"])),
            ("time", 0, f"{r['seconds']:.0f} s"),
        ]
    ]
    shown = (
        "Share of the loss that came back, what is left of the trained voice, and what its own steps cost: tokens written "
        "beforehand, tokens trained on, seconds of training (distillation and GRPO write while they train)."
    )
    return [
        Plot("repair", "scatter", caption, "voice kept", "share recovered", points, page="Mitigations"),
        Plot("repairs", "matrix", shown, "", "", table, page="Mitigations"),
    ]
