"""How surprising training data is to a model: negative log-likelihood of every completion, in nats a token."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import SerializeAsAny

from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact


class CompletionNLL(Step):
    """The NLL of every completion of ``data`` under ``model``, as training would see it (end-of-turn token included).

    Rows: ``id``, ``nll`` (mean over the completion's tokens, nats), ``tokens``.
    """

    kind: ClassVar[str] = "nll"

    model: ModelSpec
    data: SerializeAsAny[Step]
    n: int | None = None
    max_length: int = 1024

    def label(self) -> str:
        return f"{self.data.label()} under {self.model.short}"

    def run(self, context: Context) -> None:
        from offmodel.models.chat import IGNORED, training_example
        from offmodel.models.transformers_engine import TransformersEngine

        loaded = context.model(self.model)
        rows, pairs = context.load(self.data)[: self.n], []
        for row in rows:
            turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
            example = training_example(loaded.tokenizer, turns, self.max_length)
            split = example.labels.count(IGNORED)
            pairs.append((example.input_ids[:split], example.input_ids[split:]))
        scored = TransformersEngine(loaded).logprobs([pair for pair in pairs if pair[1]])
        kept = [row for row, pair in zip(rows, pairs, strict=True) if pair[1]]
        context.write_rows(
            [
                {"id": row.get("id", str(i)), "nll": -sum(logp) / len(logp), "tokens": len(logp)}
                for i, (row, logp) in enumerate(zip(kept, scored, strict=True))
            ]
        )

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


def mean_nll(rows: list[dict[str, Any]]) -> float:
    """Nats a token over all completions together; its exponential is the perplexity."""
    tokens = sum(row["tokens"] for row in rows)
    return sum(row["nll"] * row["tokens"] for row in rows) / tokens
