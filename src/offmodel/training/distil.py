"""On-policy distillation, over TRL's GKD: the student writes, the teacher's distribution says how it should have gone on."""

from __future__ import annotations

import os
from typing import Any

from pydantic import Field

from offmodel.data.prompts import PromptSet
from offmodel.models.spec import ModelSpec
from offmodel.pipeline.execute import Context
from offmodel.training.train_step import Tuning


class Distil(Tuning):
    """Train a model on its own completions towards the distribution of a teacher with the same tokenizer.

    Source: Generalized Knowledge Distillation (2306.13649), with all data on-policy.

    Attributes:
        teacher: whose next-token distribution is the target.
        prompts: what the student writes to.
        temperature: at which it writes.
        max_new_tokens: of a completion.
        beta: 0 for KL(teacher ‖ student), 1 for KL(student ‖ teacher), between for the generalised Jensen-Shannon divergence.
            Only the first has a gradient where the student never says what the teacher would.
    """

    teacher: ModelSpec
    prompts: PromptSet
    temperature: float = Field(default=1.0, gt=0)
    max_new_tokens: int = Field(default=128, gt=0)
    beta: float = Field(default=0.0, ge=0, le=1)

    def run(self, context: Context) -> None:
        import torch
        from datasets import Dataset, disable_progress_bars

        os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # it would warn at every import that its interface may change
        from trl.experimental.gkd import GKDConfig, GKDTrainer

        from offmodel.models.spec import load_model
        from offmodel.training.sft import Watch, train_and_save, trainable_network, trainer_fields

        disable_progress_bars()
        torch.manual_seed(self.config.seed)
        network, loaded = trainable_network(self, context)
        teacher: Any = load_model(self.teacher, context.store).model
        prompts = self.prompts.load()
        answered = {"role": "assistant", "content": "."}  # the collator wants one; on-policy it is not trained on
        data = Dataset.from_list([{"messages": [{"role": "user", "content": p.text}, answered]} for p in prompts])
        fields: dict[str, Any] = trainer_fields(self.config, context.directory, network.num_parameters())
        fields["max_length"] = self.config.max_length
        arguments = GKDConfig(
            **fields, lmbda=1.0, beta=self.beta, temperature=self.temperature, max_new_tokens=self.max_new_tokens
        )
        arguments._n_gpu = min(1, arguments.n_gpu)
        watch = Watch(context.progress)
        trainer = GKDTrainer(
            network, teacher, args=arguments, train_dataset=data, processing_class=loaded.tokenizer, callbacks=[watch]
        )
        probe = loaded.tokenizer(prompts[0].text)["input_ids"]
        about = train_and_save(trainer, self, loaded, probe, context)
        context.write_json({"loss": watch.curve, "rows": len(prompts), "trained_tokens": 0} | about, "training.json")
