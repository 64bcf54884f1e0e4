"""The step that asks a model a benchmark's items and grades the answers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from offmodel.benchmarks import Benchmark, Item, get_benchmark
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step, runtime
from offmodel.pipeline.store import Artifact


class Evaluate(Step):
    """One model on ``n`` items of one benchmark.

    With ``thinking_tokens`` the model thinks first, within that budget, and its answer alone is graded.
    Rows: see `graded_row`, with the engine's ``finish_reason``, ``prompt_tokens``, ``completion_tokens``.
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
    thinking_tokens: int | None = None
    location: str = runtime("")

    def label(self) -> str:
        tuned = f" {self.model.adapter.label()}" if self.model.adapter else ""
        return f"{self.benchmark} {self.model.short}{tuned}"

    def run(self, context: Context) -> None:
        from offmodel.models.chat import with_system
        from offmodel.models.checks import check_same_template
        from offmodel.models.streaming import generate_all
        from offmodel.models.thinking import check_thinks

        benchmark = get_benchmark(self.location or self.benchmark)
        items = benchmark.items(self.n, self.seed)
        if self.thinking_tokens is not None:
            check_thinks(self.model, context)
        if self.model.adapter is not None:
            trained_with = context.load(self.model.adapter).get("chat_template")
            check_same_template(trained_with, str(context.model(self.model).tokenizer.chat_template))
        requests = [Request(item.id, with_system(benchmark.messages(item), self.system)) for item in items]
        generated = generate_all(context, self.model, requests, self.sampling, self.thinking_tokens)
        rows = []
        for item in items:
            rows.append(graded_row(benchmark, item, generated[item.id]))
        context.write_rows(rows)

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


def graded_row(benchmark: Benchmark, item: Item, generated: dict[str, Any]) -> dict[str, Any]:
    """An item and what a model answered, graded.

    Returns:
        ``generated`` (it has ``completion``) with ``id``, ``level``, ``group``, ``question``, ``answer``,
        ``correct``, ``parsed``, ``extracted``, ``measures``.
    """
    grade = benchmark.grade(item, generated["completion"])
    about = {"id": item.id, "level": item.level, "group": item.group, "question": item.question, "answer": item.answer}
    return about | generated | asdict(grade)


def evaluate(
    model: ModelSpec,
    benchmark: str,
    n: int,
    seed: int = 0,
    budget: int | None = None,
    system: str | None = None,
    thinking_tokens: int | None = None,
) -> Evaluate:
    """The greedy evaluation of a model on a benchmark's items, with the benchmark's own budget unless one is given."""
    chosen = get_benchmark(benchmark)
    return Evaluate(
        model=model,
        benchmark=chosen.name,
        benchmark_version=chosen.version,
        benchmark_data=chosen.fingerprint,
        n=n,
        seed=seed,
        sampling=Sampling(max_new_tokens=budget or chosen.max_new_tokens),
        system=system,
        thinking_tokens=thinking_tokens,
        location="" if chosen.name == benchmark else benchmark,
    )
