"""The decoding loop of the transformers engine: one batch of prompts, token by token.

Faster than `generate` at small scale because the cache is written in place instead of copied every
step, finished rows leave the batch, and little happens around the matrix products.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from offmodel.models.forward import Forward

SHRINK_AT = 0.8
"""Drop finished rows once the live ones are at most this share of the batch: a copy, so not every step."""


@dataclass
class Row:
    """One sequence being decoded. ``draws`` are its uniform random numbers, one a token."""

    index: int
    prompt: list[int]
    budget: int
    draws: np.ndarray | None = None
    tokens: list[int] = field(default_factory=list)
    finish_reason: str = ""


def uniform_draws(seed: int, request_id: str, count: int) -> np.ndarray:
    """``count`` uniforms in [0, 1) fixed by (seed, request id) alone, so samples survive re-batching."""
    digest = hashlib.sha256(f"{seed}\0{request_id}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little"))).random(count)


def pick(logits: torch.Tensor, temperature: float, top_p: float, draws: torch.Tensor | None) -> torch.Tensor:
    """The next token of each row: argmax at temperature 0, else the inverse CDF at ``draws``.

    Args:
        logits: shape (rows, vocabulary).
        temperature: divides the logits.
        top_p: nucleus mass kept before sampling.
        draws: shape (rows,), uniform in [0, 1); unused when greedy.
    """
    if temperature == 0 or draws is None:
        return logits.argmax(-1)
    probs = torch.softmax(logits.float() / temperature, -1)
    if top_p < 1:
        ordered, order = probs.sort(-1, descending=True)
        outside = ordered.cumsum(-1) - ordered > top_p
        probs = probs.masked_fill(outside.scatter(-1, order, outside), 0.0)
    cumulative = probs.double().cumsum(-1)
    target = draws.to(cumulative) * cumulative[:, -1]
    return torch.searchsorted(cumulative, target[:, None], right=True).squeeze(-1).clamp(max=logits.shape[-1] - 1)


@torch.inference_mode()
def decode(
    forward: Forward,
    rows: Sequence[Row],
    stop_ids: frozenset[int],
    pad_id: int,
    temperature: float,
    top_p: float,
    stopped: Callable[[Row], bool] | None,
    on_done: Callable[[Row], None],
) -> None:
    """Decode a batch of rows to their ends; each row is filled in place and handed to ``on_done``.

    Args:
        forward: the model's forward pass and its cache.
        rows: the batch.
        stop_ids: tokens that end a sequence.
        pad_id: any token id; used where attention never looks.
        temperature: 0 for greedy.
        top_p: nucleus mass.
        stopped: whether the text of a row has reached a stop string; None when there are none.
        on_done: called once a row is finished.
    """
    live = list(rows)
    width = max(len(r.prompt) for r in live)
    capacity = width + max(r.budget for r in live)
    device = forward.device
    ids = torch.full((len(live), width), pad_id, device=device)
    seen = torch.zeros((len(live), capacity), dtype=torch.bool, device=device)
    for i, row in enumerate(live):
        ids[i, width - len(row.prompt) :] = torch.tensor(row.prompt, device=device)
        seen[i, width - len(row.prompt) :] = True
    padded = not bool(seen.all())
    lengths = torch.tensor([len(r.prompt) for r in live], device=device)
    position = (torch.arange(width, device=device) - (width - lengths)[:, None]).clamp(min=0)
    causal = torch.ones(width, width, dtype=torch.bool, device=device).tril()
    mask = (causal & seen[:, None, :width])[:, None] if padded else causal[None, None].expand(len(live), 1, -1, -1)
    if padded:  # a padding query must see something, or its softmax is NaN
        mask = mask | torch.eye(width, dtype=torch.bool, device=device)
    forward.start(len(live), capacity)
    draws = None if temperature == 0 else torch.from_numpy(np.stack([_padded_draws(r, capacity) for r in live])).to(device)
    step = 0
    while live:
        logits = forward.forward(ids, mask, position)
        nxt = pick(logits, temperature, top_p, None if draws is None else draws[:, step])
        step += 1
        for row, token in zip(live, nxt.tolist(), strict=True):
            if row.finish_reason:
                continue
            row.tokens.append(token)
            if token in stop_ids or (stopped is not None and stopped(row)):
                row.finish_reason = "stop"
            elif len(row.tokens) >= row.budget:
                row.finish_reason = "length"
            if row.finish_reason:
                on_done(row)
        alive = [i for i, row in enumerate(live) if not row.finish_reason]
        if not alive:
            return
        if len(alive) <= SHRINK_AT * len(live):
            keep = torch.tensor(alive, device=device)
            live, nxt, lengths, seen = [live[i] for i in alive], nxt[keep], lengths[keep], seen[keep]
            draws = None if draws is None else draws[keep]
            forward.keep(keep)
            padded = padded and not bool(seen.all())
        ids = nxt[:, None]
        position = (lengths + step - 1)[:, None]
        mask = seen[:, None, None, : width + step] if padded else None


def _padded_draws(row: Row, count: int) -> np.ndarray:
    assert row.draws is not None
    return np.pad(row.draws, (0, count - len(row.draws)))
