"""The step that asks a model a benchmark's items and grades the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, ClassVar

from pydantic import Field, SerializeAsAny

from offmodel.benchmarks import Benchmark, Item, get_benchmark
from offmodel.benchmarks.graders import wall
from offmodel.benchmarks.graders.answers import USUAL, Thinking, begun
from offmodel.data.shots import Shots
from offmodel.models.engine import Message, Request, Sampling
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Spec, Step, runtime
from offmodel.pipeline.store import Artifact
from offmodel.training.train_step import Tuning


class Prefill(Spec):
    """The first ``tokens`` tokens of the answers that another evaluation of the same items got."""

    step: SerializeAsAny[Step]
    tokens: int = Field(gt=0)


class Evaluate(Step):
    """One model on ``n`` items of one benchmark.

    With ``thinking_tokens`` the model thinks first, within that budget, and its answer alone is graded.
    With ``prefill`` the answer is begun for the model; what it writes itself is graded, and rows have ``prefill``
    and ``given`` (the answer was in what the model was given, so the item says nothing about it).
    Rows: see `graded_rows`, with the engine's ``finish_reason``, ``prompt_tokens``, ``completion_tokens``.
    """

    kind: ClassVar[str] = "evaluation"
    resumable: ClassVar[bool] = True

    model: ModelSpec
    benchmark: str
    benchmark_version: int
    benchmark_data: str
    n: int
    seed: int
    sampling: Sampling
    system: str | None = None
    shots: Shots | None = None
    prefill: Prefill | None = None
    thinking_tokens: int | None = None
    location: str = runtime("")

    def label(self) -> str:
        tuned = f" {self.model.adapter.label()}" if self.model.adapter else ""
        given = f" prefill {self.prefill.tokens}" if self.prefill else ""
        return f"{self.benchmark} {self.model.short}{tuned}{given}"

    def run(self, context: Context) -> None:
        from offmodel.models.streaming import generate_all

        self.check(context)
        benchmark = get_benchmark(self.location or self.benchmark)
        items = benchmark.items(self.n, self.seed)
        requests = self.requests(benchmark, items, context)
        generated = self.kept(context, items) or generate_all(context, self.model, requests, self.sampling, self.thinking_tokens)
        rows = graded_rows(benchmark, [(item, generated[item.id]) for item in items], self.thinking(context, requests))
        if self.prefill:
            given = benchmark.grade_all([(item, r.prefill) for item, r in zip(items, requests, strict=True)])
            for request, row, grade in zip(requests, rows, given, strict=True):
                row |= {"prefill": request.prefill, "given": grade.parsed or begun(request.prefill)}
        context.write_rows(rows)

    def thinking(self, context: Context, requests: list[Request]) -> Thinking:
        """How the model marks its thinking, and whether the prompt opens a block that the answer is to close."""
        from offmodel.models.chat import thinking_marks

        if self.model.engine == "api":
            return USUAL
        mode = True if self.thinking_tokens is not None else requests[0].thinking
        marks, opened = thinking_marks(context.tokenizer(self.model), replace(requests[0], prefill="", thinking=mode))
        return Thinking(tuple(dict.fromkeys((*marks, *USUAL.tags))), opened)

    def kept(self, context: Context, items: list[Item]) -> dict[str, dict[str, Any]]:
        """What the model answered, where the store holds this evaluation as an earlier version of the benchmark graded it.

        Nothing is generated anew for a mended grader; nothing is kept where the questions changed, too.
        """
        for version in range(self.benchmark_version - 1, 0, -1):
            earlier = self.model_copy(update={"benchmark_version": version})
            if context.store.get(earlier) is None:
                continue
            rows = {row["id"]: row for row in context.load(earlier)}
            if all(item.id in rows and rows[item.id]["question"] == item.question for item in items):
                return rows
        return {}

    def check(self, context: Context) -> None:
        """The model can do what is asked of it, in the template it was trained with, and its answers can be graded here."""
        from offmodel.models.checks import check_same_template
        from offmodel.models.thinking import check_thinks

        get_benchmark(self.location or self.benchmark).require()
        if self.thinking_tokens is not None:
            check_thinks(self.model, context)
        if isinstance(self.model.adapter, Tuning):
            trained_with = context.load(self.model.adapter).get("chat_template")
            check_same_template(trained_with, str(context.tokenizer(self.model).chat_template))

    def requests(self, benchmark: Benchmark, items: list[Item], context: Context) -> list[Request]:
        """What the model is asked: the item behind system prompt and examples, its answer begun where there is a prefill."""
        before: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        if self.shots:
            before += self.shots.messages(context.load)
        begun: dict[str, str] = {}
        if self.prefill:
            tokenizer = context.tokenizer(self.model)
            begun = {
                r["id"]: first_tokens(tokenizer, r["completion"], self.prefill.tokens) for r in context.load(self.prefill.step)
            }
        return [Request(item.id, [*before, *benchmark.messages(item)], begun.get(item.id, "")) for item in items]

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


def first_tokens(tokenizer: Any, text: str, count: int) -> str:
    """The text of the first ``count`` tokens of ``text``, by the model's own tokenizer."""
    return tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"][:count])


def graded_rows(
    benchmark: Benchmark, answered: Sequence[tuple[Item, dict[str, Any]]], thinking: Thinking = USUAL
) -> list[dict[str, Any]]:
    """Items and what a model answered, graded.

    Returns:
        for each, what was generated (it has ``completion``) with ``id``, ``level``, ``group``, ``question``, ``answer`` and
        the fields of `Grade`; ``unsafe`` where a program ran without a wall.
    """
    closed = replace(thinking, opened=False)  # a row with a trace holds the answer alone, unless the turn ended inside the block
    each = [thinking if generated.get("trace") in (None, "missing") else closed for _, generated in answered]
    grades = benchmark.grade_all([(item, generated["completion"]) for item, generated in answered], each)
    unsafe = {"unsafe": True} if benchmark.runs_programs and wall.unsafe() else {}
    return [
        {"id": item.id, "level": item.level, "group": item.group, "question": item.question, "answer": item.answer}
        | generated
        | asdict(grade)
        | unsafe
        for (item, generated), grade in zip(answered, grades, strict=True)
    ]


def evaluate(
    model: ModelSpec,
    benchmark: str,
    n: int,
    seed: int = 0,
    budget: int | None = None,
    **options: Any,
) -> Evaluate:
    """The greedy evaluation of a model on a benchmark's items, with the benchmark's own budget unless one is given.

    ``options`` are further fields of `Evaluate`.
    """
    chosen = get_benchmark(benchmark)
    return Evaluate(
        model=model,
        benchmark=chosen.name,
        benchmark_version=chosen.version,
        benchmark_data=chosen.fingerprint,
        n=n,
        seed=seed,
        sampling=Sampling(max_new_tokens=budget or chosen.max_new_tokens),
        location="" if chosen.name == benchmark else benchmark,
        **options,
    )
