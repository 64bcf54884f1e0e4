"""Guards before any number is believed. Each violation is an error that names the fix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from offmodel.errors import OffmodelError
from offmodel.models.chat import IGNORED, Example

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase


def check_row(row: dict, number: int, source: str) -> None:
    """A training row must say something.

    Raises:
        OffmodelError: names the row when its completion is empty.
    """
    if not str(row.get("completion", "")).strip():
        raise OffmodelError(
            f"training row {number} (id {row.get('id')!r}) of {source} has an empty completion",
            "drop it: a row without trained tokens turns the loss into NaN",
        )


def check_trainable(example: Example, row: dict, number: int, source: str, max_length: int) -> None:
    """At least one token of a row must count in the loss.

    Raises:
        OffmodelError: names the row when its prompt alone fills the length limit.
    """
    if all(label == IGNORED for label in example.labels):
        raise OffmodelError(
            f"training row {number} (id {row.get('id')!r}) of {source} has no trainable token: "
            f"its prompt fills the limit of {max_length} tokens",
            "raise max_length or drop the row",
        )


def check_end_is_trained(tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], max_length: int) -> None:
    """Most rows must teach the model to stop: the end-of-turn token is in their loss, and padding is not it.

    Raises:
        OffmodelError: when no row trains the end-of-turn token.
    """
    eos = tokenizer.eos_token_id
    ends = sum(eos in [t for t in e.labels if t != IGNORED] for e in examples)
    if ends == 0 and any(len(e.input_ids) < max_length for e in examples):
        raise OffmodelError(
            f"the end-of-turn token {tokenizer.eos_token!r} is in no row's loss: the tuned model would never stop",
            "use the model's own chat template, or set eos_token to the token that ends its turns",
        )


def check_finite(loss: float, step: int) -> None:
    """Training stops at the first loss that is not a number.

    Raises:
        OffmodelError: names the step.
    """
    if not math.isfinite(loss):
        raise OffmodelError(f"the loss is {loss} at step {step}", "lower the learning rate or look at the rows of that batch")


def check_changed(before: torch.Tensor, after: torch.Tensor) -> None:
    """Training, or loading an adapter, must change what the model computes.

    Args:
        before: next-token logits of the base on some text.
        after: those of the tuned model on the same text, same shape.

    Raises:
        OffmodelError: when not a single logit differs, or one is no number.
    """
    if not after.isfinite().all():
        raise OffmodelError("the trained model computes NaN", "lower the learning rate")
    if (before == after).all():
        raise OffmodelError(
            "the adapter does not change a single logit: the tuned model silently is the base",
            "check that the adapter's target modules exist in this model and that training took a step",
        )


def check_served(name: str, served: Sequence[float], before: Sequence[float], after: Sequence[float] | None) -> None:
    """An adapter that a server offers by name must really be served.

    Args:
        name: the adapter's.
        served: log-probabilities of some text's tokens, from the server, asked for the adapter.
        before: those of the base.
        after: those of the tuned model where they are known; another program computes them a little differently.

    Raises:
        OffmodelError: when what is served is the base, or nearer to it than to the tuned model.
    """
    away = sum(abs(s - b) for s, b in zip(served, before, strict=True))
    apart = math.inf if after is None else sum(abs(s - a) for s, a in zip(served, after, strict=True))
    if away == 0 or (after is not None and apart >= away):
        raise OffmodelError(
            f"the server answers for the adapter {name} as the base does: it is not served",
            "check that the server loads this adapter on the base it was trained on",
        )


def check_same_template(trained_with: str | None, evaluated_with: str | None) -> None:
    """Training and evaluation must write conversations the same way.

    Raises:
        OffmodelError: when the two chat templates differ.
    """
    if trained_with != evaluated_with:
        raise OffmodelError(
            "the chat template the adapter was trained with differs from the one it is evaluated with",
            "evaluate with the tokenizer of the base it was trained on",
        )
