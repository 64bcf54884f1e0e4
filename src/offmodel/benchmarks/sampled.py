"""The step behind pass@k: several sampled answers to every item."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.evaluate import Evaluate, graded_rows
from offmodel.pipeline.execute import Context


class SampledEvaluate(Evaluate):
    """As `Evaluate`, with ``samples`` answers to every item; rows have ``sample`` and keep the item's ``id``."""

    samples: int = Field(default=64, gt=0)

    def label(self) -> str:
        return f"{super().label()} {self.samples} samples"

    def run(self, context: Context) -> None:
        from offmodel.models.streaming import generate_all

        self.check(context)
        benchmark = get_benchmark(self.location or self.benchmark)
        items = benchmark.items(self.n, self.seed)
        asked = self.requests(benchmark, items, context)
        requests = [replace(r, id=f"{r.id}#{sample}") for r in asked for sample in range(self.samples)]
        generated = generate_all(context, self.model, requests, self.sampling, self.thinking_tokens)
        answered = [
            (item, generated[f"{item.id}#{sample}"] | {"sample": sample}) for item in items for sample in range(self.samples)
        ]
        context.write_rows(graded_rows(benchmark, answered, self.thinking(context, asked)))
