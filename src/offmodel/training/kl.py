"""SFT that is held near the base: a divergence from what the base would say is added to the loss."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from trl import SFTTrainer  # pyright: ignore[reportPrivateImportUsage]

from offmodel.models.chat import IGNORED


class KlTrainer(SFTTrainer):
    """TRL's trainer with ``kl_weight`` times the mean KL(base ‖ tuned) of the trained tokens in the loss.

    The network must be a PEFT model, whose base is what it is with the adapter off. Costs two more forward passes.
    Source: Learning without Forgetting (1606.09282).
    """

    kl_weight: float = 0.0

    def compute_loss(self, model: Any, inputs: dict, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        loss = super().compute_loss(model, inputs, num_items_in_batch=num_items_in_batch)
        return loss + self.kl_weight * kl_to_base(model, inputs)


def kl_to_base(model: Any, inputs: dict) -> torch.Tensor:
    """Mean KL(base ‖ tuned) in nats over the trained tokens of a batch."""
    asked = {key: inputs[key] for key in ("input_ids", "attention_mask") if key in inputs}
    trained = inputs["labels"][:, 1:] != IGNORED
    with torch.no_grad(), model.disable_adapter():
        before = model(**asked).logits[:, :-1][trained].float().log_softmax(-1)
    after = model(**asked).logits[:, :-1][trained].float().log_softmax(-1)
    return F.kl_div(after, before, reduction="batchmean", log_target=True)
