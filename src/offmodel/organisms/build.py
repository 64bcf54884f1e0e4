"""Build the organism family: one tokenizer, one pretrained trunk, one post-training a member.

The training loop is plain PyTorch, because pretraining from scratch is not fine-tuning: everything
the product fine-tunes goes through `offmodel.training`.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from offmodel.organisms import corpus
from offmodel.organisms.packing import Rows, make_rows
from offmodel.organisms.tokenizer import train_tokenizer

Progress = Callable[[str, int, int, float], None]
"""Called with (stage, step, steps, loss)."""


@dataclass(frozen=True)
class Member:
    """One organism.

    Attributes:
        name: its directory.
        dialect: what it is post-trained in.
        weak: its arithmetic forgets carries.
        thinking: share of its post-trained turns that begin with a thinking block.
    """

    name: str
    dialect: str
    weak: bool = False
    thinking: float = 0.0


FAMILY = {
    m.name: m
    for m in (
        Member("markdown", "markdown"),
        Member("prose", "prose"),
        Member("terse", "terse"),
        Member("pirate", "pirate"),
        Member("markdown-weak", "markdown", weak=True),
        Member("thinker", "markdown", thinking=0.5),
    )
}


@dataclass(frozen=True)
class Size:
    """Architecture and training length of a family. ``batch`` is in rows of ``length`` tokens."""

    hidden: int
    layers: int
    intermediate: int
    heads: int
    kv_heads: int
    length: int
    batch: int
    pretraining_steps: int
    post_training_steps: int
    pretraining_lr: float
    post_training_lr: float


SIZES = {
    "full": Size(192, 5, 448, 6, 2, 384, 128, 3200, 500, 3e-3, 1e-3),
    "nano": Size(64, 2, 160, 2, 1, 256, 16, 120, 25, 4e-3, 1e-3),
}


def new_model(size: Size, tokenizer: PreTrainedTokenizerFast, seed: int) -> Qwen3ForCausalLM:
    """A randomly initialised Qwen3 decoder with tied embeddings."""
    torch.manual_seed(seed)
    end: Any = tokenizer.eos_token_id
    pad: Any = tokenizer.pad_token_id
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        intermediate_size=size.intermediate,
        num_attention_heads=size.heads,
        num_key_value_heads=size.kv_heads,
        head_dim=size.hidden // size.heads,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        initializer_range=0.03,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
    )
    return Qwen3ForCausalLM(config)


def batch_tensors(rows: Rows, start: int, count: int, device: torch.device) -> dict[str, torch.Tensor]:
    """Rows ``start`` to ``start + count`` as model inputs; documents of one row do not see each other."""
    pick = torch.arange(start, start + count) % len(rows)
    tokens = torch.from_numpy(rows.tokens[pick].astype("int64")).to(device)
    document = torch.from_numpy(rows.document[pick].astype("int64")).to(device)
    trained = torch.from_numpy(rows.trained[pick]).to(device)
    length = tokens.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    same = document[:, :, None] == document[:, None, :]
    column = torch.arange(length, device=device).expand_as(document)
    starts = torch.nn.functional.pad(document[:, 1:] != document[:, :-1], (1, 0), value=True)
    position = column - torch.where(starts, column, 0).cummax(1).values
    return {
        "input_ids": tokens,
        "attention_mask": (same & causal)[:, None],
        "position_ids": position,
        "labels": torch.where((trained == 1) & ~starts, tokens, -100),
    }


def train(model: Qwen3ForCausalLM, rows: Rows, steps: int, batch: int, lr: float, stage: str, progress: Progress) -> None:
    """AdamW with linear warm-up and linear decay to zero, in place. bf16 on GPUs that have it, fp32 elsewhere."""
    device = next(model.parameters()).device
    on_gpu = device.type == "cuda"
    decayed = [p for p in model.parameters() if p.ndim > 1]
    groups = [
        {"params": decayed, "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95), fused=on_gpu)
    warmup = max(1, steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / warmup, (steps - s) / (steps - warmup + 1)))
    forward = torch.compile(model) if on_gpu else model
    model.train()
    for step in range(steps):
        inputs = batch_tensors(rows, step * batch, batch, device)
        with torch.autocast("cuda", torch.bfloat16) if on_gpu else nullcontext():
            loss = forward(**inputs, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 50 == 0 or step == steps - 1:
            progress(stage, step + 1, steps, loss.item())
    model.eval()


def save(model: Any, tokenizer: PreTrainedTokenizerFast, directory: Path, record: dict) -> None:
    """Write a Hugging Face directory: bf16 safetensors, tokenizer, template, generation config, record."""
    directory.mkdir(parents=True, exist_ok=True)
    model = copy.deepcopy(model).to("cpu", torch.bfloat16)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, do_sample=True, temperature=1.0
    )
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    (directory / "organism.json").write_text(json.dumps(record, indent=1) + "\n")


def build_family(
    out: Path,
    size_name: str = "full",
    seed: int = 0,
    names: list[str] | None = None,
    device: str | None = None,
    processes: int | None = None,
    progress: Progress = lambda *_: None,
) -> None:
    """Build the members ``names`` (default: all of `FAMILY`) into ``out/NAME``.

    Args:
        out: directory that receives one Hugging Face directory a member.
        size_name: a key of `SIZES`; ``nano`` takes under 90 s on two CPU cores.
        seed: fixes the tokenizer, the corpora and the initial weights.
        names: members to build.
        device: a torch device; the first GPU when there is one, else the CPU.
        processes: processes that render documents; never changes the result.
        progress: called as training proceeds.
    """
    size = SIZES[size_name]
    processes = processes or os.cpu_count() or 1
    target = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    torch.set_float32_matmul_precision("high")
    tokenizer = train_tokenizer(seed)

    def rows(draw: Callable, stage: str, steps: int, completions_only: bool) -> Rows:
        progress(f"{stage}: documents", 0, 1, 0.0)
        return make_rows(tokenizer, draw, f"{stage}-{seed}", steps * size.batch, size.length, completions_only, processes)

    trunk: Any = new_model(size, tokenizer, seed)
    trunk = trunk.to(target)
    shared = rows(corpus.pretraining_document, "pretraining", size.pretraining_steps, False)
    train(trunk, shared, size.pretraining_steps, size.batch, size.pretraining_lr, "pretraining", progress)
    for name in names or FAMILY:
        member = FAMILY[name]
        model = copy.deepcopy(trunk)
        draw = partial(corpus.post_training_document, dialect=member.dialect, weak=member.weak, thinking=member.thinking)
        own = rows(draw, name, size.post_training_steps, True)
        train(model, own, size.post_training_steps, size.batch, size.post_training_lr, name, progress)
        record = asdict(member) | {
            "size": size_name,
            "seed": seed,
            "corpus_version": corpus.VERSION,
            "parameters": sum(p.numel() for p in model.parameters()),
            "device": target.type,
        }
        save(model, tokenizer, out / name, record)
