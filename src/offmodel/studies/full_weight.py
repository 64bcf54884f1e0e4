"""full_weight (H4, H5): is the harm as shallow when all weights are trained?

Source: "Why does off-model SFT degrade capabilities?", appendix 3: the matrix, the modes and the reminder again,
with full-weight fine-tuning.
"""

from __future__ import annotations

from pydantic import Field

from offmodel.studies.base import Build, Load, Study
from offmodel.studies.combine import combined, restricted
from offmodel.studies.degradation import Degradation, DegradationParams
from offmodel.studies.modes import Modes, ModesParams
from offmodel.studies.reminder import Reminder, ReminderParams
from offmodel.studies.setup import SftParams


class FullWeightParams(SftParams):
    """See `SftParams`; every training is of all weights.

    Attributes:
        doses: of the reminder.
        reminder_steps: of the reminder.
    """

    method: str = "full"
    learning_rate: float = Field(default=3e-4, gt=0)
    teachers: tuple[str, ...] = ("organism:prose", "organism:pirate")
    benchmarks: tuple[str, ...] = ("arith", "facts")
    doses: tuple[int, ...] = (0, 16, 64)
    reminder_steps: int = Field(default=20, gt=0)


class FullWeight(Study):
    name = "full_weight"
    question = "Does full-weight SFT show the same pattern, and is it undone as cheaply?"
    params = FullWeightParams

    def build(self, params: FullWeightParams, load: Load) -> Build:
        matrix = yield from Degradation().build(restricted(params, DegradationParams), load)
        one = params.model_copy(update={"benchmarks": params.benchmarks[:1]})
        modes = yield from Modes().build(
            restricted(one, ModesParams, methods=("full",), full_learning_rate=params.learning_rate), load
        )
        reminder = yield from Reminder().build(restricted(one, ReminderParams), load)
        return combined({"Full weight": matrix, "Full weight, modes": modes, "Full weight, reminder": reminder}, "full-weight")
