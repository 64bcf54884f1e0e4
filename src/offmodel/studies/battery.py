"""battery: every study of the hypotheses on one student and its teachers, in one report."""

from __future__ import annotations

from pydantic import Field

from offmodel.benchmarks import get_benchmark
from offmodel.studies.base import HYPOTHESES, Build, Finding, Load, Study
from offmodel.studies.combine import combined, restricted, together
from offmodel.studies.degradation import Degradation, DegradationParams, most_harmful
from offmodel.studies.diagnosis import DiagnosisParams, DiagnosisStudy
from offmodel.studies.full_weight import FullWeight, FullWeightParams
from offmodel.studies.inoculation import Inoculation, InoculationParams
from offmodel.studies.modes import Modes, ModesParams
from offmodel.studies.no_math import NoMath, NoMathParams
from offmodel.studies.numbers import Numbers, NumbersParams
from offmodel.studies.pass_at_k import PassAtK, PassAtKParams
from offmodel.studies.perplexity import Perplexity, PerplexityParams
from offmodel.studies.prefill import PrefillParams, PrefillStudy
from offmodel.studies.prompt_distillation import PromptDistillation, PromptDistillationParams
from offmodel.studies.reminder import Reminder, ReminderParams
from offmodel.studies.self_distillation import SelfDistillation, SelfDistillationParams
from offmodel.studies.setup import Setup, SftParams, teacher_name
from offmodel.studies.steps import Steps, StepsParams
from offmodel.studies.style import Style, StyleParams
from offmodel.studies.teacher_gap import TeacherGap, TeacherGapParams
from offmodel.studies.thinking import Thinking, ThinkingParams


class BatteryParams(
    DegradationParams,
    ReminderParams,
    PrefillParams,
    ModesParams,
    StyleParams,
    StepsParams,
    InoculationParams,
    PassAtKParams,
    PerplexityParams,
    TeacherGapParams,
    SelfDistillationParams,
    PromptDistillationParams,
    NoMathParams,
    DiagnosisParams,
):
    """The parameters of every study in it; see theirs.

    Attributes:
        teachers: of the matrix; the studies of evidence follow the most harmful of them.
        follow: how many they follow.
        thinker: student of the thinking study; empty to leave it out.
        thinking_budget: tokens of its thinking.
        full_doses: of the reminder after full-weight training.
    """

    teachers: tuple[str, ...] = SftParams.model_fields["teachers"].default
    benchmarks: tuple[str, ...] = SftParams.model_fields["benchmarks"].default
    doses: tuple[int, ...] = (0, 4, 16, 64)
    methods: tuple[str, ...] = ("lora",)
    follow: int = Field(default=1, gt=0)
    thinker: str = "organism:thinker"
    thinking_budget: int = Field(default=200, gt=0)
    full_doses: tuple[int, ...] = (0, 16)


class Battery(Study):
    name = "battery"
    question = "Which explanation of the loss survives every test there is?"
    params = BatteryParams

    def build(self, params: BatteryParams, load: Load) -> Build:
        setup = Setup(params)
        main = setup.reasoning()
        matrix = yield from Degradation().build(restricted(params, DegradationParams), load)
        worst = most_harmful(matrix.cells, main)[: params.follow]
        followed = tuple(t for t in params.teachers if teacher_name(t) in worst)
        results, left_out = yield from together(evidence(params, followed, main, load))
        whole = combined({"Matrix": matrix, **results})
        whole.notes += [f"The studies of evidence follow {', '.join(worst)}.", *left_out, *tally(whole.findings)]
        return whole


def evidence(params: BatteryParams, followed: tuple[str, ...], main: str, load: Load) -> dict[str, Build]:
    """Every study beside the matrix, ready to be built."""
    reasoning = [b for b in params.benchmarks if get_benchmark(b).reasoning]
    on = {"benchmarks": (main,), "teachers": followed}
    control = params.control if params.control not in followed else other_student(params, followed)
    full = {"method": "full", "learning_rate": params.full_learning_rate, "doses": params.full_doses}
    studies: dict[str, tuple[type[Study], SftParams]] = {
        "teacher_gap": (TeacherGap, restricted(params, TeacherGapParams, benchmarks=(main,), teachers=strengths(params))),
        "perplexity": (Perplexity, restricted(params, PerplexityParams, benchmarks=(main,))),
        "modes": (Modes, restricted(params, ModesParams, **on)),
        "style": (Style, restricted(params, StyleParams, benchmarks=(main,))),
        "steps": (Steps, restricted(params, StepsParams, **on)),
        "reminder": (Reminder, restricted(params, ReminderParams, teachers=followed, benchmarks=(main, *reasoning[2:3]))),
        "prefill": (PrefillStudy, restricted(params, PrefillParams, **on, control=control)),
        "numbers": (Numbers, restricted(params, NumbersParams, **on)),
        "inoculation": (Inoculation, restricted(params, InoculationParams, **on)),
        "pass_at_k": (PassAtK, restricted(params, PassAtKParams, teachers=followed, benchmarks=(reasoning[1:2] or [main])[:1])),
        "self_distillation": (SelfDistillation, restricted(params, SelfDistillationParams)),
        "prompt_distillation": (PromptDistillation, restricted(params, PromptDistillationParams)),
        "no_math": (NoMath, restricted(params, NoMathParams, **on)),
        "full_weight": (FullWeight, restricted(params, FullWeightParams, **on, **full)),
        "diagnosis": (DiagnosisStudy, restricted(params, DiagnosisParams, benchmarks=(main,), cause="")),
    }
    if params.thinker:
        thinking = restricted(params, ThinkingParams, **on, student=params.thinker, thinking_tokens=params.thinking_budget)
        studies["thinking"] = (Thinking, thinking)
    return {name: study().build(chosen, load) for name, (study, chosen) in studies.items()}


def other_student(params: BatteryParams, followed: tuple[str, ...]) -> str:
    """A model to be the control student of the prefill study: a teacher that is not followed; none if there is none."""
    known = Setup(params).models()
    others = [t for t in params.teachers if teacher_name(t) in known and t not in (*followed, params.student)]
    return others[0] if others else ""


def strengths(params: BatteryParams) -> tuple[str, ...]:
    """The teachers whose own strength can be measured: the models, and the student for the other students."""
    named = Setup(params).models()
    models = [t for t in params.teachers if teacher_name(t) in named]
    return tuple(dict.fromkeys((params.student, *models)))


def tally(findings: list[Finding]) -> list[str]:
    """How much evidence speaks for and against each hypothesis."""
    lines = []
    for key, words in HYPOTHESES.items():
        found = [f.evidence for f in findings if f.hypothesis == key]
        if found:
            counts = ", ".join(f"{found.count(kind)} {kind}" for kind in ("for", "against", "undecided"))
            lines.append(f"{key} ({words}): {counts}")
    return lines
