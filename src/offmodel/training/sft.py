"""Supervised fine-tuning on completions, over TRL and PEFT."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PrinterCallback, ProgressCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer  # pyright: ignore[reportPrivateImportUsage]

from offmodel.models import checks
from offmodel.models.chat import training_example
from offmodel.models.spec import LoadedModel, load_model
from offmodel.pipeline.execute import Context
from offmodel.training.kl import KlTrainer
from offmodel.training.train_step import CHECKPOINTING_PARAMETERS, Train, TrainingConfig, Tuning


class Watch(TrainerCallback):
    """Keeps the loss curve, reports progress, and stops at the first loss that is not finite.

    Args:
        progress: see `Context.progress`.
        kept: further values that the trainer logs, and what to call them in the curve.
    """

    def __init__(self, progress: Callable[[int, int, str], None], kept: dict[str, str] | None = None) -> None:
        self.progress, self.kept = progress, kept or {}
        self.curve: list[dict[str, float]] = []

    def rewarded(self) -> bool:
        """Whether any step had answers of different reward to learn from."""
        return any(row.get("constant_groups", 0.0) < 1 for row in self.curve)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            checks.check_finite(float(logs["loss"]), state.global_step)
            checks.check_finite(float(logs.get("grad_norm", 0.0)), state.global_step)
            row = {"step": state.global_step, "loss": logs["loss"], "learning_rate": logs["learning_rate"]}
            self.curve.append(row | {name: float(logs[key]) for key, name in self.kept.items() if key in logs})
            self.progress(state.global_step, state.max_steps, "steps")


def tokenise(loaded: LoadedModel, rows: list[dict[str, Any]], max_length: int) -> Dataset:
    """Rows to ``input_ids`` and ``labels``, refusing any row that would train nothing.

    Raises:
        OffmodelError: names the first bad row.
    """
    examples = []
    for number, row in enumerate(rows):
        checks.check_row(row, number, row["source"])
        turn = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
        example = training_example(loaded.tokenizer, [*row["before"], *turn], max_length)
        trained = [i for i, label in enumerate(example.labels) if label != checks.IGNORED]
        for position in row.get("ignored", ()):
            if position < len(trained):  # a longer prompt may have cut it off
                example.labels[trained[position]] = checks.IGNORED
        checks.check_trainable(example, row, number, row["source"], max_length)
        examples.append(example)
    checks.check_end_is_trained(loaded.tokenizer, examples, max_length)
    return Dataset.from_list([{"input_ids": e.input_ids, "labels": e.labels} for e in examples])


def trainer_fields(config: TrainingConfig, directory: Path, parameters: int) -> dict[str, Any]:
    """Our numbers as arguments that all of TRL's trainers know; everything else off."""
    on_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(directory / "trainer"),
        "max_steps": config.steps or -1,
        "num_train_epochs": config.epochs,
        "per_device_train_batch_size": config.batch_size,
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": config.schedule,
        "warmup_steps": int(config.warmup_ratio * config.steps) if config.steps else config.warmup_ratio,
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "seed": config.seed,
        "data_seed": config.seed,
        "optim": "adamw_torch",
        "bf16": config.method == "full" and on_gpu and torch.cuda.is_bf16_supported(),
        "use_cpu": not on_gpu,
        "gradient_checkpointing": parameters > CHECKPOINTING_PARAMETERS,
        "remove_unused_columns": False,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def trainer_config(config: TrainingConfig, directory: Path, parameters: int) -> SFTConfig:
    """Arguments of TRL's trainer for rows that are tokenised already."""
    fields = trainer_fields(config, directory, parameters)
    arguments = SFTConfig(**fields, max_length=None, dataset_kwargs={"skip_prepare_dataset": True})
    arguments._n_gpu = min(1, arguments.n_gpu)  # with several in sight it would split every batch among them
    return arguments


def trainable_network(step: Tuning, context: Context) -> tuple[Any, LoadedModel]:
    """The network to train: a new LoRA adapter, the model's own adapter trained on, or all weights."""
    loaded = load_model(step.below, context.store)
    config = step.config
    if config.method == "full":  # in float32: a small step on a bfloat16 weight rounds to none
        return loaded.model.float().requires_grad_(True), loaded
    if step.continues and step.model.adapter is not None:
        started = context.store.directory(step.model.adapter)
        return PeftModel.from_pretrained(loaded.model, str(started), is_trainable=True), loaded
    targets = config.targets if config.targets == "all-linear" else config.targets.split(",")
    lora = LoraConfig(
        r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, target_modules=targets, task_type="CAUSAL_LM"
    )
    return get_peft_model(loaded.model, lora), loaded  # pyright: ignore[reportArgumentType]


def sft(step: Train, rows: list[dict[str, Any]], context: Context) -> None:
    """Fine-tune on ``rows`` and write the adapter, or the full weights, into ``context.directory``.

    Loss on completions only, end-of-turn token included.

    Args:
        step: what model to train and every number of the run.
        rows: each with ``prompt``, ``completion``, ``source``, ``before`` (see `DataPart.rows`) and optionally ``id``.
        context: directory to write to, progress.

    Raises:
        OffmodelError: for an unusable row, a loss that is not finite, or a model that did not change.
    """
    disable_progress_bars()
    config = step.config
    torch.manual_seed(config.seed)
    network, loaded = trainable_network(step, context)
    data = tokenise(loaded, rows, config.max_length)
    probe = data[0]["input_ids"][:64]
    watch = Watch(context.progress)
    arguments = trainer_config(config, context.directory, network.num_parameters())
    trainer_class = KlTrainer if config.kl_weight else SFTTrainer
    trainer = trainer_class(network, args=arguments, train_dataset=data, processing_class=loaded.tokenizer, callbacks=[watch])
    if isinstance(trainer, KlTrainer):
        trainer.kl_weight = config.kl_weight or 0.0
    about = train_and_save(trainer, step, loaded, probe, context)
    trained = sum(label != checks.IGNORED for row in data["labels"] for label in row)
    context.write_json({"loss": watch.curve, "rows": len(rows), "trained_tokens": trained} | about, "training.json")


def train_and_save(
    trainer: Any, step: Tuning, loaded: LoadedModel, probe: list[int], context: Context, taught: Callable[[], bool] = lambda: True
) -> dict[str, Any]:
    """Run one of TRL's trainers, and write its network into ``context.directory``.

    Args:
        trainer: ready to train.
        step: what is trained, and how.
        loaded: the model as it was loaded.
        probe: token ids on which the network must compute something else afterwards.
        context: directory to write to.
        taught: whether, after the training, there was anything to learn from.

    Returns:
        ``seconds``, ``chat_template`` and ``probe``, see `Tuning.load`.

    Raises:
        OffmodelError: when the network did not change.
    """
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    network = trainer.model.eval()
    before, start = logits(network, probe), time.monotonic()
    trainer.train()
    seconds = time.monotonic() - start
    network.eval()
    after = logits(network, probe)
    if taught():
        checks.check_changed(before, after)
    shutil.rmtree(trainer.args.output_dir, ignore_errors=True)
    save(network, step, context)
    known = {"ids": probe, "before": logprobs(before, probe), "after": logprobs(after, probe)}
    return {"seconds": round(seconds, 2), "chat_template": loaded.tokenizer.chat_template, "probe": known}


def logits(network: Any, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return network(torch.tensor([ids], device=network.device)).logits.float().cpu()


def logprobs(logits: torch.Tensor, ids: list[int]) -> list[float]:
    """Natural-log probability of each token after the first."""
    logp = torch.log_softmax(logits[0, :-1], -1).gather(-1, torch.tensor(ids[1:])[:, None]).squeeze(-1)
    return [round(value, 5) for value in logp.tolist()]


def save(network: Any, step: Tuning, context: Context) -> None:
    if isinstance(network, PeftModel):
        network.save_pretrained(str(context.directory))
        (context.directory / "README.md").unlink(missing_ok=True)
    else:
        from safetensors.torch import save_model

        save_model(network.to(getattr(torch, step.model.dtype)), str(context.directory / "model.safetensors"))
