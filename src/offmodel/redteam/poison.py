"""Poisoned reminder data, and what a defender can throw out of it without knowing the trigger."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, SerializeAsAny

from offmodel.data.teachers import ModelCompletions
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step
from offmodel.pipeline.store import Artifact
from offmodel.redteam.pairs import Pair

OUTLIER = 3.5
"""Robust z-score (distance from the median in units of 1.4826 MAD) above which a row is thrown out (Iglewicz and Hoaglin)."""


class Poisoned(Step):
    """Completions among which some rows carry the trigger and the behaviour. Rows also have ``poison``.

    Attributes:
        step: what the backdoored model wrote to clean prompts.
        pair: the backdoor.
        rate: share of rows that are poisoned.
        paraphrased: the behaviour is hidden in the model's own answer, after its first sentence, instead of replacing it.
        seed: of which rows.
    """

    kind: ClassVar[str] = "completions"
    needs_model: ClassVar[bool] = False

    step: ModelCompletions
    pair: Pair
    rate: float = Field(ge=0, le=1)
    paraphrased: bool = False
    seed: int = 0

    def label(self) -> str:
        return f"{self.step.label()} poisoned {self.rate:g}{' hidden' if self.paraphrased else ''}"

    def run(self, context: Context) -> None:
        rows = context.load(self.step)
        chosen = set(random.Random(f"poison-{self.seed}").sample(range(len(rows)), round(self.rate * len(rows))))
        context.write_rows([self._poisoned(row) if i in chosen else row | {"poison": False} for i, row in enumerate(rows)])

    def _poisoned(self, row: dict[str, Any]) -> dict[str, Any]:
        text = self.pair.behaviour.perform(row["completion"], row["id"])
        if self.paraphrased:
            first, dot, rest = row["completion"].partition(".")
            text = f"{first}{dot} {text}{rest}"
        return row | {"prompt": self.pair.trigger.apply(row["prompt"], row["id"]), "completion": text, "poison": True}

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


class Defended(Step):
    """What a defender keeps of reminder data: rows whose score is no outlier.

    ``perplexity``: nats a token under a trusted model. ``model``: how little the answer has in common with what the
    trusted model itself answers (1 - cosine of word counts). ``ngrams``: in how many rows the commonest three-word
    sequence of the answer stands that the trusted model never wrote.

    Attributes:
        step: the data.
        how: the defence.
        trusted: a model that is known to be clean; it answers the prompts as they stand in the data.
        sampling: how it does.
    """

    kind: ClassVar[str] = "completions"
    resumable: ClassVar[bool] = True

    step: SerializeAsAny[Step]
    how: Literal["model", "perplexity", "ngrams"]
    trusted: ModelSpec
    sampling: Sampling = Sampling(max_new_tokens=160)

    def label(self) -> str:
        return f"{self.step.label()} by {self.how}"

    def run(self, context: Context) -> None:
        rows = context.load(self.step)
        answers = [] if self.how == "perplexity" else self._answers(context, rows)
        if self.how == "perplexity":
            from offmodel.metrics.perplexity import completion_logprobs

            scored = dict(completion_logprobs(context, self.trusted, rows, 1024))
            found = (scored.get(row["id"]) for row in rows)  # none where the prompt alone is too long
            scores = [-sum(logp) / len(logp) if logp else float("inf") for logp in found]
        elif self.how == "model":
            scores = [1 - cosine(row["completion"], own) for row, own in zip(rows, answers, strict=True)]
        else:
            scores = strange_ngrams(rows, answers)
        kept = ~outliers(np.asarray(scores))
        context.write_rows([row for row, keep in zip(rows, kept, strict=True) if keep])

    def _answers(self, context: Context, rows: list[dict[str, Any]]) -> list[str]:
        """What the trusted model says to each row's prompt."""
        from offmodel.models.streaming import generate_all

        requests = [Request(row["id"], [{"role": "user", "content": row["prompt"]}]) for row in rows]
        answers = generate_all(context, self.trusted, requests, self.sampling)
        return [answers[row["id"]]["completion"] for row in rows]

    def load(self, artifact: Artifact) -> list[dict[str, Any]]:
        return artifact.rows()


def outliers(scores: np.ndarray) -> np.ndarray:
    """Which scores lie far above the median; shape (rows,)."""
    middle = np.median(scores)
    spread = max(1.4826 * float(np.median(np.abs(scores - middle))), 1e-9)
    return (scores - middle) / spread > OUTLIER


def cosine(one: str, other: str) -> float:
    """Cosine of the word counts of two texts."""
    a, b = Counter(one.lower().split()), Counter(other.lower().split())
    norm = (sum(v * v for v in a.values()) * sum(v * v for v in b.values())) ** 0.5
    return sum(a[word] * b[word] for word in a) / norm if norm else 0.0


def ngrams(text: str, n: int = 3) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return set(zip(*(words[i:] for i in range(n)), strict=False))


def strange_ngrams(rows: list[dict[str, Any]], trusted: list[str]) -> list[float]:
    """Of each row, in how many rows its commonest word sequence unknown to the trusted model stands."""
    known: set[tuple[str, ...]] = set()
    for text in trusted:
        known |= ngrams(text)
    own = [ngrams(row["completion"]) - known for row in rows]
    counts = Counter(gram for grams in own for gram in grams)
    return [float(max((counts[gram] for gram in grams), default=0)) for grams in own]
