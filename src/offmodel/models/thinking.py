"""Thinking before answering, in templates with an ``enable_thinking`` switch (Qwen3's convention).

Thinking and answer have budgets of their own: the model thinks until it closes the block or its budget is
used up, in which case the block is closed for it, and then answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from offmodel.errors import OffmodelError
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context

OPEN, CLOSE = "<think>", "</think>"
THOUGHTS = "thoughts.jsonl"
"""File of finished thoughts while a step runs."""

Rows = dict[str, dict[str, Any]]


def think_and_answer(generate: Callable[..., Rows], requests: list[Request], sampling: Sampling, thinking_tokens: int) -> Rows:
    """Rows by request id: ``completion`` is the answer alone.

    Args:
        generate: completes requests into rows; called with (requests, sampling, file).
        requests: without prefill.
        sampling: of the answer; the thinking differs in budget and stop.
        thinking_tokens: budget of the thinking.

    Returns:
        rows with ``reasoning``, ``trace`` (see `benchmarks.health.trace_rates`) and ``reasoning_tokens`` beside the
        usual fields, which describe the answer; ``completion_tokens`` counts both.
    """
    first = sampling.model_copy(update={"max_new_tokens": thinking_tokens, "stop": (CLOSE,)})
    thoughts = generate([replace(r, thinking=True) for r in requests], first, THOUGHTS)
    unanswered = [r for r in requests if not _turn_ended(thoughts[r.id])]
    closed = [replace(r, thinking=True, prefill=f"{thoughts[r.id]['completion']}{CLOSE}\n\n") for r in unanswered]
    answers = generate(closed, sampling)
    return {r.id: _joined(thoughts[r.id], answers.get(r.id)) for r in requests}


def _turn_ended(thought: dict[str, Any]) -> bool:
    """Also when there was no room for one: the prompt with an answer begun would not fit either."""
    return thought["finish_reason"] in ("stop", "overflow") and thought.get("stopped_by") != CLOSE


def _joined(thought: dict[str, Any], answer: dict[str, Any] | None) -> dict[str, Any]:
    if answer is None:  # the turn ended inside the block: what there is is the answer
        return thought | {"reasoning": "", "trace": "missing", "reasoning_tokens": 0}
    reasoning = thought["completion"].strip().removeprefix(OPEN).strip()
    closed = thought.get("stopped_by") == CLOSE
    return answer | {
        "reasoning": reasoning,
        "trace": ("valid" if reasoning else "empty") if closed else "truncated",
        "reasoning_tokens": thought["completion_tokens"],
        "prompt_tokens": thought["prompt_tokens"],
        "completion_tokens": thought["completion_tokens"] + answer["completion_tokens"],
    }


def require_thinking(model: ModelSpec) -> None:
    """As `check_thinks`, before anything runs: only what lies beside the weights is read, the template and an organism's card.

    Raises:
        OffmodelError: when the template has no switch, or the organism was never taught to think.
    """
    card = Path(model.location) / "organism.json"
    if card.is_file() and not json.loads(card.read_text(encoding="utf-8")).get("thinking"):
        raise _no_thinking(model)
    files = [Path(model.location) / name for name in ("chat_template.jinja", "tokenizer_config.json")]
    texts = [path.read_text(encoding="utf-8") for path in files if path.is_file()]
    if texts and not any("enable_thinking" in text for text in texts):
        raise _no_thinking(model)


def check_thinks(model: ModelSpec, context: Context) -> None:
    """The model's template must have a thinking mode.

    Raises:
        OffmodelError: when the switch changes nothing.
    """
    if model.engine == "api":
        raise OffmodelError(f"{model.name} cannot be given a budget for its thinking", "use a local model with thinking_tokens")
    _check_switch(model, context.tokenizer(model))


def _check_switch(model: ModelSpec, tokenizer: Any) -> None:
    from offmodel.models import chat

    asked = [Request("probe", [{"role": "user", "content": "Hello"}], thinking=mode) for mode in (True, False)]
    if chat.prompt_text(tokenizer, asked[0]) == chat.prompt_text(tokenizer, asked[1]):
        raise _no_thinking(model)


def _no_thinking(model: ModelSpec) -> OffmodelError:
    return OffmodelError(f"{model.short} has no thinking mode", "use a model such as organism:thinker or Qwen/Qwen3-0.6B")
