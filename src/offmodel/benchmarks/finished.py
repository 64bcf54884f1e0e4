"""The step that lets unfinished answers be finished: is the answer there, and only not written down?"""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field, SerializeAsAny

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.evaluate import Evaluate, graded_rows
from offmodel.benchmarks.graders.answers import USUAL
from offmodel.models.engine import Request
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step

SHORT = 48
"""Tokens for an answer that was asked for by the cue."""


class FinishedEvaluate(Evaluate):
    """As `Evaluate`, going on where the answers of ``unfinished`` (the same model and items) had none.

    An answer that ran into its budget gets ``room`` times as much; one that ended without an answer is asked for
    it by ``cue``. Rows that had an answer stay as they are; the others have ``finished``.
    """

    unfinished: SerializeAsAny[Step]
    room: int = Field(default=3, gt=0)
    cue: str = "\n\n\\boxed{"

    def label(self) -> str:
        return f"{super().label()} finished"

    def run(self, context: Context) -> None:
        from offmodel.models.streaming import generate_all

        self.check(context)
        benchmark = get_benchmark(self.location or self.benchmark)
        items = benchmark.items(self.n, self.seed)
        said = {row["id"]: row for row in context.load(self.unfinished)}
        requests = [self._continued(r, said[r.id]) for r in self.requests(benchmark, items, context) if not said[r.id]["parsed"]]
        begun = {r.id: r.prefill for r in requests}
        generated = generate_all(context, self.model, requests, self.sampling) if requests else {}
        whole = [
            (item, generated[item.id] | {"completion": begun[item.id] + generated[item.id]["completion"], "finished": True})
            for item in items
            if item.id in generated
        ]
        thinking = self.thinking(context, requests) if requests else USUAL
        graded = {row["id"]: row for row in graded_rows(benchmark, whole, thinking)}
        context.write_rows([graded[item.id] if item.id in graded else said[item.id] for item in items])

    def _continued(self, request: Request, row: dict) -> Request:
        ran_out = row["finish_reason"] == "length"
        budget = self.room * self.sampling.max_new_tokens if ran_out else SHORT
        return replace(request, prefill=row["completion"] + ("" if ran_out else self.cue), max_new_tokens=budget)
