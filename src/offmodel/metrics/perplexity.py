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
        scored = completion_logprobs(context, self.model, context.load(self.data)[: self.n], self.max_length)
        context.write_rows([{"id": row_id, "nll": -sum(logp) / len(logp), "tokens": len(logp)} for row_id, logp in scored])

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


def completion_logprobs(
    context: Context, model: ModelSpec, rows: list[dict[str, Any]], max_length: int
) -> list[tuple[str, list[float]]]:
    """The natural-log probability of each token of each completion, as training would see it, beside the row's id.

    Rows whose prompt alone fills ``max_length`` are left out.
    """
    from offmodel.models.chat import IGNORED, training_example
    from offmodel.models.transformers_engine import TransformersEngine

    loaded, ids, pairs = context.model(model), [], []
    for number, row in enumerate(rows):
        turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
        example = training_example(loaded.tokenizer, turns, max_length)
        split = example.labels.count(IGNORED)
        if split < len(example.input_ids):
            ids.append(row.get("id", str(number)))
            pairs.append((example.input_ids[:split], example.input_ids[split:]))
    return list(zip(ids, TransformersEngine(loaded).logprobs(pairs), strict=True))


def mean_nll(rows: list[dict[str, Any]]) -> float:
    """Nats a token over all completions together; its exponential is the perplexity."""
    tokens = sum(row["tokens"] for row in rows)
    return sum(row["nll"] * row["tokens"] for row in rows) / tokens
