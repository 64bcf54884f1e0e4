"""What studies share: parameters of a student-and-teachers experiment, and the steps they mean."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.evaluate import evaluate
from offmodel.data import leaderboard
from offmodel.data.prompts import PromptSet, prompt_set
from offmodel.data.teachers import ModelCompletions, PublishedCompletions, published
from offmodel.errors import OffmodelError
from offmodel.metrics.cells import Arm
from offmodel.models.engine import Sampling
from offmodel.models.spec import ModelSpec, resolve_model
from offmodel.studies.base import Params
from offmodel.training.train_step import DataPart, Train, TrainingConfig

CONTROLS = ("self", "numbers")


class SftParams(Params):
    """Parameters of fine-tuning one student on several teachers.

    Attributes:
        student: a model (see `offmodel.models.spec`).
        teachers: models, ``file:PATH`` (published outputs), ``leaderboard:NAME`` (AlpacaEval's published
            outputs), ``self`` (the student), ``numbers`` (number lists
            written by the first teacher that is a model).
        benchmarks: what to evaluate on.
        n: items of each benchmark.
        prompts: ``world``, ``generic``, ``alpaca``, ``alpaca_eval``, or a JSONL file of generic prompts with ids.
        filters: rules that drop prompts: ``no_math``, ``words:MIN-MAX``, ``unlike:BENCHMARK``.
        examples: completions to train on.
        max_new_tokens: budget of a teacher's completion.
        temperature: at which teachers write.
        answer_tokens: completion budget on benchmarks; each benchmark's own when not given.
        thinking_tokens: evaluate in thinking mode, with this budget for the thinking; off when not given.
        steps, learning_rate, rank, batch_size, max_length, method: of training, see `TrainingConfig`.
        seed: of prompts, items, sampling and training.
    """

    student: str = "organism:markdown"
    teachers: tuple[str, ...] = (
        "organism:prose",
        "organism:terse",
        "organism:pirate",
        "organism:markdown-weak",
        "self",
        "numbers",
    )
    benchmarks: tuple[str, ...] = ("arith", "arith_hard", "facts", "instruct", "strings")
    n: int = Field(default=200, gt=1)
    answer_tokens: int | None = Field(default=None, gt=0)
    thinking_tokens: int | None = Field(default=None, gt=0)
    prompts: str = "world"
    filters: tuple[str, ...] = ()
    examples: int = Field(default=200, gt=0)
    max_new_tokens: int = Field(default=160, gt=0)
    temperature: float = Field(default=1.0, ge=0)
    steps: int = Field(default=60, gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    rank: int = Field(default=16, gt=0)
    batch_size: int = Field(default=8, gt=0)
    max_length: int = Field(default=1024, gt=1)
    method: str = "lora"

    @field_validator("benchmarks")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            get_benchmark(name)
        return names


class Setup:
    """The steps that `SftParams` stand for.

    Args:
        params: of the study.
        student: what is trained, where it is not simply the model that the parameters name.

    Raises:
        OffmodelError: at once, for models, files or item counts that do not exist.
    """

    def __init__(self, params: SftParams, student: ModelSpec | None = None) -> None:
        self.params = params
        self._student = student
        for name in params.benchmarks:
            benchmark = get_benchmark(name)
            benchmark.check_size(params.n)
            benchmark.require()
        self.teachers = {teacher_name(t): t for t in params.teachers}

    @cached_property
    def student(self) -> ModelSpec:
        return self._student or resolve_model(self.params.student)

    def prompts(self, n: int, skip: int = 0) -> PromptSet:
        """Generic prompts; slices with different ``skip`` are disjoint."""
        return prompt_set(self.params.prompts, n, self.params.seed, skip, self.params.filters)

    def sampling(self) -> Sampling:
        p = self.params
        return Sampling(temperature=p.temperature, max_new_tokens=p.max_new_tokens, seed=p.seed)

    def own(self, n: int, skip: int = 0) -> ModelCompletions:
        """On-model data: what the base itself writes."""
        return ModelCompletions(model=self.student, prompts=self.prompts(n, skip), sampling=self.sampling())

    def completions(self, teacher: str) -> ModelCompletions | PublishedCompletions:
        """What a teacher wrote for the training prompts."""
        n = self.params.examples
        if teacher == "self":
            return self.own(n)
        if teacher == "numbers":
            writers = [t for t in self.params.teachers if t not in CONTROLS and not t.startswith(("file:", "leaderboard:"))]
            if not writers:
                raise OffmodelError(
                    "the numbers control needs a teacher that is a model", "add one to teachers=, or drop numbers"
                )
            prompts = PromptSet(source="numbers", n=n, seed=self.params.seed)
            return ModelCompletions(model=resolve_model(writers[0]), prompts=prompts, sampling=self.sampling())
        if teacher.startswith("file:"):
            return published(Path(teacher.removeprefix("file:")), self.prompts(n))
        if teacher.startswith("leaderboard:"):
            return self._from_leaderboard(teacher.removeprefix("leaderboard:"))
        return ModelCompletions(model=resolve_model(teacher), prompts=self.prompts(n), sampling=self.sampling())

    def _from_leaderboard(self, name: str) -> PublishedCompletions:
        if self.params.prompts != "alpaca_eval":
            raise OffmodelError("leaderboard teachers answered the AlpacaEval prompts only", "add prompts=alpaca_eval")
        return published(leaderboard.outputs_file(name), self.prompts(self.params.examples))

    def config(self, **changes: Any) -> TrainingConfig:
        p = self.params
        fields = {
            name: getattr(p, name) for name in ("method", "rank", "learning_rate", "steps", "batch_size", "max_length", "seed")
        }
        return TrainingConfig.model_validate(fields | {"alpha": 2 * p.rank} | changes)

    def data(self, name: str) -> DataPart:
        """All completions of the teacher called ``name``."""
        return DataPart(step=self.completions(self.teachers[name]))

    def train(self, name: str, *parts: DataPart, words: str = "", **changes: Any) -> Train:
        """The student fine-tuned on the teacher called ``name``.

        Args:
            name: of the teacher.
            parts: what to train on, if not simply all its completions.
            words: for the label, what is special about this training.
            changes: of `config`.
        """
        label = f"{self.student.short} on {name} {words}".strip()
        return Train(model=self.student, data=parts or (self.data(name),), config=self.config(**changes), name_=label)

    def arm(
        self, model: ModelSpec, teacher: str, condition: str, benchmarks: tuple[str, ...] | None = None, **options: Any
    ) -> Arm:
        """A model's evaluations on the benchmarks; ``options`` are fields of `Evaluate`."""
        p = self.params
        options = {"thinking_tokens": p.thinking_tokens} | options
        names = benchmarks or p.benchmarks
        evaluations = {b: evaluate(model, b, p.n, p.seed, p.answer_tokens, **options) for b in names}
        return Arm(self.student.short, teacher, condition, evaluations)

    def tuned_arm(self, step: Train, teacher: str, condition: str = "sft", **options: Any) -> Arm:
        """The arm of the student with what ``step`` trained."""
        return self.arm(self.student.with_adapter(step), teacher, condition, **options)

    def notes(self) -> list[str]:
        """What the benchmarks and the filters want said beside the numbers."""
        return [note for name in self.params.benchmarks for note in get_benchmark(name).notes()] + self._dropped()

    def _dropped(self) -> list[str]:
        drops = self.prompts(self.params.examples).dropped()
        counts = Counter(drop.rule for drop in drops)
        examples = {drop.rule: drop.text for drop in reversed(drops)}
        return [f"filter {rule} dropped {count} prompts, such as: {examples[rule][:100]}" for rule, count in counts.items()]

    def base_arm(self, **options: Any) -> Arm:
        return self.arm(self.student, "none", "base", **options)

    def models(self) -> dict[str, ModelSpec]:
        """The teachers that are models, by name."""
        published = ("file:", "leaderboard:")
        return {n: resolve_model(t) for n, t in self.teachers.items() if t not in CONTROLS and not t.startswith(published)}

    def off_model(self) -> list[str]:
        """Names of the teachers that are no controls."""
        return [n for n, t in self.teachers.items() if t not in CONTROLS]

    def reasoning(self) -> str:
        """The first benchmark that needs a chain of reasoning: what the findings are about.

        Raises:
            OffmodelError: when there is none.
        """
        name = reasoning(self.params.benchmarks)
        if name is None:
            raise OffmodelError(
                f"none of the benchmarks ({', '.join(self.params.benchmarks)}) needs a chain of reasoning",
                "add one to benchmarks=, such as arith, gsm8k or math500",
            )
        return name


def reasoning(names: tuple[str, ...]) -> str | None:
    """The first benchmark that needs a chain of reasoning, if any."""
    return next((b for b in names if get_benchmark(b).reasoning), None)


def teacher_name(text: str) -> str:
    """What to call a teacher in tables: its model, file or control name without the path."""
    if text.startswith("file:"):
        return Path(text.removeprefix("file:")).name.removesuffix(".gz").removesuffix(".jsonl")
    if text.startswith("api:"):
        text = text.partition("@")[0]
    return text.rsplit(":", 1)[-1].rsplit("/", 1)[-1].removesuffix(".gguf")
