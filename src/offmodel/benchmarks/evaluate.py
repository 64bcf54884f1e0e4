"""The step that asks a model a benchmark's items and grades the answers."""

from __future__ import annotations

from typing import Any, ClassVar

from offmodel.benchmarks import get_benchmark
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact


class Evaluate(Step):
    """One model on ``n`` items of one benchmark.

    Rows: ``id``, ``level``, ``question``, ``answer``, ``completion``, ``finish_reason``,
    ``prompt_tokens``, ``completion_tokens``, ``correct``, ``parsed``, ``extracted``.
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

    def label(self) -> str:
        tuned = f" {self.model.adapter.label()}" if self.model.adapter else ""
        return f"{self.benchmark} {self.model.short}{tuned}"

    def run(self, context: Context) -> None:
        from offmodel.models.chat import with_system
        from offmodel.models.checks import check_same_template
        from offmodel.models.streaming import generate_rows

        benchmark = get_benchmark(self.benchmark)
        items = benchmark.items(self.n, self.seed)
        if self.model.adapter is not None:
            trained_with = context.load(self.model.adapter).get("chat_template")
            check_same_template(trained_with, str(context.model(self.model).tokenizer.chat_template))
        requests = [Request(item.id, with_system(benchmark.messages(item), self.system)) for item in items]
        generated = generate_rows(context, self.model, requests, self.sampling)
        rows = []
        for item in items:
            row = generated[item.id]
            grade = benchmark.grade(item, row["completion"])
            about = {"id": item.id, "level": item.level, "question": item.question, "answer": item.answer}
            verdict = {"correct": grade.correct, "parsed": grade.parsed, "extracted": grade.extracted}
            rows.append(about | row | verdict)
        context.write_rows(rows)

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


def evaluate(
    model: ModelSpec, benchmark: str, n: int, seed: int = 0, budget: int | None = None, system: str | None = None
) -> Evaluate:
    """The greedy evaluation of a model on a benchmark's items, with the benchmark's own budget unless one is given."""
    chosen = get_benchmark(benchmark)
    return Evaluate(
        model=model,
        benchmark=benchmark,
        benchmark_version=chosen.version,
        benchmark_data=chosen.fingerprint,
        n=n,
        seed=seed,
        sampling=Sampling(max_new_tokens=budget or chosen.max_new_tokens),
        system=system,
    )
