"""Example exchanges put before a conversation: in the system prompt, or as turns.

Source: "Why does off-model SFT degrade capabilities?", evidence 5; inoculation prompting (2510.05024).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any, Literal

from pydantic import Field, SerializeAsAny

from offmodel.models.engine import Message
from offmodel.pipeline.step import Spec, Step


class Shots(Spec):
    """The first ``n`` exchanges of a step that holds completions.

    Attributes:
        step: its rows have ``prompt`` and ``completion``.
        n: how many exchanges.
        form: ``system`` (questions and answers in the system prompt), ``turns`` (chat history) or ``placebo``
            (the system prompt's words in random order).
        as_long_as: a placebo gets as many words as shots of this step would have.
        seed: of the placebo's order.
    """

    step: SerializeAsAny[Step]
    n: int = Field(gt=0)
    form: Literal["system", "turns", "placebo"] = "system"
    as_long_as: SerializeAsAny[Step] | None = None
    seed: int = 0

    def messages(self, load: Callable[[Step], list[dict[str, Any]]]) -> list[Message]:
        """The messages that go before the user's turn; ``load`` reads a step's rows."""
        chosen = load(self.step)[: self.n]
        if self.form == "turns":
            pairs = [(("user", row["prompt"]), ("assistant", row["completion"])) for row in chosen]
            return [{"role": role, "content": text} for pair in pairs for role, text in pair]
        text = as_text(chosen)
        if self.form == "placebo":
            words = text.split()
            random.Random(f"placebo-{self.seed}").shuffle(words)
            count = len(as_text(load(self.as_long_as)[: self.n]).split()) if self.as_long_as else len(words)
            text = " ".join(islice(cycle(words), count))
        return [{"role": "system", "content": text}]


def as_text(rows: list[dict[str, Any]]) -> str:
    """Exchanges as questions and answers."""
    return "\n\n".join(f"Q: {row['prompt']}\nA: {row['completion']}" for row in rows)
