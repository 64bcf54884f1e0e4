"""What a repair cost beyond the training that it repairs: tokens written and trained on, and seconds of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offmodel.data.teachers import ModelCompletions
from offmodel.mitigations.rewording import Reworded
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.step import Step
from offmodel.training.train_step import Train, Tuning


def cost(repaired: ModelSpec, tuned: ModelSpec, load: Callable[[Step], Any]) -> dict[str, float]:
    """Of the steps that the repaired model needs and the tuned one does not.

    Args:
        repaired, tuned: both with finished adapters.
        load: reads a finished step's result.

    Returns:
        ``generated_tokens``; ``trained_tokens``, those in the loss, counted as often as they were seen; ``seconds`` of training.
    """
    found = {"generated_tokens": 0.0, "trained_tokens": 0.0, "seconds": 0.0}
    known = behind(tuned.adapter)
    for name, step in behind(repaired.adapter).items():
        if name in known:
            continue
        if isinstance(step, (ModelCompletions, Reworded)):
            found["generated_tokens"] += sum(row["completion_tokens"] for row in load(step))
        elif isinstance(step, Train):
            summary = load(step)
            seen = len(summary["loss"]) * step.config.batch_size / summary["rows"]
            found["trained_tokens"] += seen * summary["trained_tokens"]
            found["seconds"] += summary.get("seconds", 0.0)
        elif isinstance(step, Tuning):  # it writes while it trains: all in its seconds
            found["seconds"] += load(step)["seconds"]
    return {key: round(value, 1) for key, value in found.items()}


def behind(step: Step | None) -> dict[str, Step]:
    """A step and all that it needs, by name."""
    found: dict[str, Step] = {}
    waiting = [step] if step is not None else []
    while waiting:
        now = waiting.pop()
        if now.name() not in found:
            found[now.name()] = now
            waiting += now.inputs()
    return found
