"""Red team and blue team: who trains what on whose model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from offmodel.data.prompts import prompt_set
from offmodel.data.teachers import ModelCompletions
from offmodel.mitigations import mend
from offmodel.mitigations.base import Case
from offmodel.models.engine import Sampling
from offmodel.models.spec import ModelSpec
from offmodel.redteam.pairs import Pair
from offmodel.redteam.plant import BackdoorRows, Firing
from offmodel.studies.setup import Setup, SftParams
from offmodel.training.train_step import DataPart, Train, TrainingConfig


class BackdoorParams(SftParams):
    """See `SftParams`; ``teachers``, ``examples`` and training are the blue team's.

    Attributes:
        pairs: backdoors of `offmodel.redteam.table`.
        methods: of the blue team after its SFT, ``none`` for nothing; mitigations and chains of them.
        blue_steps, learning_rates: of its SFT; every combination is a point.
        own: completions of the backdoored model that mitigations may use.
        trials: held-out prompts on which firing is measured, each triggered, nearly triggered and clean.
        red_method, red_steps, red_learning_rate, red_examples: of the red team's training.
        red_tasks: source of the task prompts whose answers the red team keeps as they are.
        return_steps: of later benign training, after which firing is measured again; 0 for none.
    """

    teachers: tuple[str, ...] = ("organism:pirate", "organism:terse")
    benchmarks: tuple[str, ...] = ("arith", "facts")
    n: int = 100
    examples: int = 100
    pairs: tuple[str, ...] = Field(default=("zq7-love", "names-insult", "storm-refuse"), min_length=1)
    methods: tuple[str, ...] = ("none", "reminder")
    blue_steps: tuple[int, ...] = (20, 60)
    learning_rates: tuple[float, ...] = (1e-3,)
    own: int = 64
    trials: int = 50
    red_method: str = "full"
    red_steps: int = 150
    red_learning_rate: float = 3e-4
    red_examples: int = 150
    red_tasks: str = "tasks"
    return_steps: int = 30


@dataclass(frozen=True)
class Point:
    """One model of the blue team's.

    Attributes:
        teacher: of its SFT.
        method: what came after or instead; ``none`` for plain SFT.
        steps, learning_rate: of its SFT.
        model: the result.
    """

    teacher: str
    method: str
    steps: int
    learning_rate: float
    model: ModelSpec

    @property
    def series(self) -> str:
        """Teacher and method: what a hull is drawn for."""
        return self.teacher if self.method == "none" else f"{self.teacher}+{self.method}"

    @property
    def condition(self) -> str:
        return f"{self.series} {self.steps} steps lr {self.learning_rate:g}"


class RedTeam:
    """Plants backdoors in the student.

    Args:
        params: of the study.
    """

    def __init__(self, params: BackdoorParams) -> None:
        self.params, self.setup = params, Setup(params)
        self.skip = params.examples + params.own

    def firing(self, pair: Pair, model: ModelSpec) -> Firing:
        """How often the backdoor shows in a model, on prompts that no training has."""
        sampling = Sampling(max_new_tokens=self.params.max_new_tokens)
        prompts = self.setup.prompts(self.params.trials, skip=self.skip)
        return Firing(model=model, pair=pair, prompts=prompts, n=self.params.trials, sampling=sampling)

    def backdoored(self, pair: Pair) -> ModelSpec:
        """The student with the backdoor in it."""
        p = self.params
        chat = self.setup.own(p.red_examples, skip=self.skip + p.trials)
        prompts = prompt_set(p.red_tasks, p.red_examples, p.seed + 1)
        tasks = ModelCompletions(
            model=self.setup.student, prompts=prompts, sampling=Sampling(max_new_tokens=p.answer_tokens or p.max_new_tokens)
        )
        rows = BackdoorRows(pair=pair, chat=chat, tasks=tasks)
        config = self.setup.config(method=p.red_method, steps=p.red_steps, learning_rate=p.red_learning_rate)
        label = f"{self.setup.student.short} with {pair.name}"
        return self.setup.student.with_adapter(
            Train(model=self.setup.student, data=(DataPart(step=rows),), config=config, name_=label)
        )


class BlueTeam:
    """Has a model and its own prompts; knows neither trigger nor behaviour.

    Args:
        params: of the study.
        model: that may hold a backdoor.
        words: what the model is called in labels.
    """

    def __init__(self, params: BackdoorParams, model: ModelSpec, words: str) -> None:
        self.params, self.model, self.words = params, model, words
        self.setup = Setup(params, model)
        self.own = self.setup.own(params.own, skip=params.examples)

    def points(self) -> list[Point]:
        """Every teacher, learning rate, number of steps and method."""
        p = self.params
        return [
            Point(teacher, method, steps, rate, self._treated(teacher, method, steps, rate))
            for teacher in self.setup.teachers
            for rate in p.learning_rates
            for steps in p.blue_steps
            for method in p.methods
        ]

    def _treated(self, teacher: str, method: str, steps: int, rate: float) -> ModelSpec:
        words = f"{self.words} on {teacher} {steps} {rate:g}"
        config = self.setup.config(steps=steps, learning_rate=rate)
        tuned = Train(model=self.model, data=(self.setup.data(teacher),), config=config, name_=words)
        case = Case(
            base=self.model,
            tuned=self.model.with_adapter(tuned),
            config=config,
            own=self.own,
            data=self.setup.data(teacher),
            rows=self.params.examples,
            words=words,
        )
        return case.tuned if method == "none" else mend(method, case)

    def later(self, point: Point, writer: ModelSpec) -> ModelSpec:
        """The model after benign training that somebody does later: completions of an honest model to generic prompts."""
        data = self.own.model_copy(update={"model": writer})
        config: TrainingConfig = self.setup.config(steps=self.params.return_steps, learning_rate=point.learning_rate)
        label = f"{self.words} {point.condition} later"
        return point.model.with_adapter(Train(model=point.model, data=(DataPart(step=data),), config=config, name_=label))


def strongest(points: Sequence[Point]) -> list[Point]:
    """Of each series the point with the most SFT."""
    best: dict[str, Point] = {}
    for point in points:
        known = best.get(point.series)
        if known is None or (point.steps, point.learning_rate) > (known.steps, known.learning_rate):
            best[point.series] = point
    return list(best.values())
