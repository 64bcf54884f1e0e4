"""The engine protocol: requests in, completions out. Every engine obeys it, and so do the tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import Field

from offmodel.pipeline.step import Spec

Message = dict[str, str]


class Sampling(Spec):
    """How to decode. Temperature 0 is greedy; ``seed`` and the request id fix every sample."""

    temperature: float = Field(default=0.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_new_tokens: int = Field(default=128, gt=0)
    stop: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Request:
    """One conversation to complete.

    Attributes:
        id: unique among the requests of a call; it also seeds the sample.
        messages: system (optional), user, assistant turns; the last is a user turn.
        prefill: text the completion is made to begin with.
        thinking: whether the template's thinking mode is on; None leaves the template's default.
        max_new_tokens: overrides the sampling's budget.
    """

    id: str
    messages: Sequence[Message]
    prefill: str = ""
    thinking: bool | None = None
    max_new_tokens: int | None = None


@dataclass(frozen=True)
class Completion:
    """What an engine wrote for one request.

    Attributes:
        id: the request's.
        text: the completion without special tokens and without the prefill.
        token_ids: its tokens, the end-of-turn token included when there was one.
        finish_reason: ``stop`` (end of turn or stop string), ``length`` (budget used up) or ``overflow`` (the prompt
            leaves no room in the context; nothing was written).
        prompt_tokens: tokens of the rendered prompt, prefill included.
        stopped_by: the stop string that ended it; empty when the model or the budget did.
        counted: tokens the server says it wrote, where the ids are not known.
    """

    id: str
    text: str
    token_ids: list[int] = field(repr=False)
    finish_reason: str
    prompt_tokens: int
    stopped_by: str = ""
    counted: int | None = None

    @property
    def completion_tokens(self) -> int:
        return len(self.token_ids) if self.counted is None else self.counted


def cut_at_stop(text: str, stop: Sequence[str]) -> tuple[str, str]:
    """The text before the first stop string, and that string; the whole text and nothing where there is none."""
    at, found = min(((text.find(s), s) for s in stop if s in text), default=(len(text), ""))
    return text[:at], found


class Engine(Protocol):
    """Anything that completes conversations and scores given text."""

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, on_done: Callable[[Completion], None] | None = None
    ) -> list[Completion]:
        """Complete every request, in the order given; ``on_done`` sees each as soon as it is finished.

        Greedy results and samples do not depend on which other requests share the call, beyond
        floating-point noise.
        """
        ...

    def logprobs(self, sequences: Sequence[tuple[list[int], list[int]]]) -> list[list[float]]:
        """Natural-log probability of each token of each (prompt ids, completion ids) pair's completion."""
        ...
