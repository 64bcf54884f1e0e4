"""What the blue team may use: a model it did not make, and data that hold nothing of the red team's.

`blue_steps` walks everything that a repaired model is made of. The backdoored model is opaque: it may be
trained further and may write, but the rows that made it may not be reached in any other way, and no prompt
that is trained on may hold the trigger. A study checks both before a blue training runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from offmodel.errors import OffmodelError
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.step import Step
from offmodel.redteam.pairs import Pair
from offmodel.redteam.plant import BackdoorRows
from offmodel.training.distil import Distil
from offmodel.training.train_step import Train


def blue_steps(model: ModelSpec, backdoored: ModelSpec) -> list[Step]:
    """All that a model is made of beyond the backdoored one, each step once.

    Raises:
        OffmodelError: when the red team's rows are among it.
    """
    opaque = backdoored.adapter.fingerprint() if backdoored.adapter else ""
    found: dict[str, Step] = {}
    waiting = [model.adapter] if model.adapter else []
    while waiting:
        step = waiting.pop()
        key = step.fingerprint()
        if key == opaque or key in found:
            continue
        if isinstance(step, BackdoorRows):
            raise OffmodelError(
                f"the blue team's model is made of the red team's {step.name()}", "train on completions to prompts of its own"
            )
        found[key] = step
        waiting += step.inputs()
    return list(found.values())


def training_data(steps: Iterable[Step]) -> list[Step]:
    """Where the rows of the trainings among the steps come from, each once."""
    parts = [part.step for step in steps if isinstance(step, Train) for part in step.data]
    return list({step.fingerprint(): step for step in parts}.values())


def written_to(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """The prompts, as rows, that a model writes to while it is distilled."""
    prompts = {p.id: p.text for step in steps if isinstance(step, Distil) for p in step.prompts.load()}
    return [{"id": key, "prompt": text} for key, text in prompts.items()]


def check_rows(rows: Iterable[dict[str, Any]], pair: Pair, source: str) -> None:
    """No prompt that the blue team trains on holds the trigger.

    Raises:
        OffmodelError: names the row; the study stops.
    """
    for number, row in enumerate(rows):
        if pair.trigger.present(str(row["prompt"])):
            raise OffmodelError(
                f"row {number} (id {row.get('id')!r}) of the blue team's {source} holds the trigger of {pair.name}",
                "give the blue team other prompts: who has seen the trigger removes it by knowing it",
            )
