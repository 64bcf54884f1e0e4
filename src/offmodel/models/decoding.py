"""The decoding loop of the transformers engine: one batch of prompts, token by token.

Faster than `generate` at small scale because the cache is written in place instead of copied every
step, finished rows leave the batch, and little happens around the matrix products.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from offmodel.models.forward import Forward


@dataclass
class Row:
    """One sequence being decoded. ``draws`` are its uniform random numbers, one a token."""

    index: int
    prompt: list[int]
    budget: int
    draws: np.ndarray | None = None
    tokens: list[int] = field(default_factory=list)
    finish_reason: str = ""


@dataclass(frozen=True)
class Rules:
    """How rows are decoded.

    Attributes:
        stop_ids: tokens that end a sequence.
        pad_id: any token id; used where attention never looks.
        temperature: 0 for greedy.
        top_p: nucleus mass.
        stopped: whether the text of a row has reached a stop string; None when there are none.
    """

    stop_ids: frozenset[int]
    pad_id: int = 0
    temperature: float = 0.0
    top_p: float = 1.0
    stopped: Callable[[Row], bool] | None = None


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
    forward: Forward, rows: Sequence[Row], rules: Rules, on_done: Callable[[Row], None], cancelled: threading.Event | None = None
) -> None:
    """Decode a batch of rows to their ends; each row is filled in place and handed to ``on_done``.

    Args:
        forward: the model's forward pass and its cache.
        rows: the batch.
        rules: how to choose tokens and where to stop.
        on_done: called once a row is finished.
        cancelled: the loop ends after the step in which this is set.
    """
    live = list(rows)
    width = max(len(r.prompt) for r in live)
    capacity = width + max(r.budget for r in live)
    device = forward.device
    ids, seen = _left_padded([r.prompt for r in live], width, capacity, rules.pad_id, device)
    lengths = torch.tensor([len(r.prompt) for r in live], device=device)
    position = (torch.arange(width, device=device) - (width - lengths)[:, None]).clamp(min=0)
    padded = not bool(seen.all())
    mask = _causal_mask(seen[:, :width], padded)
    forward.start(len(live), capacity)
    draws = None
    if rules.temperature > 0:
        draws = torch.from_numpy(np.stack([_padded_draws(r, capacity) for r in live])).to(device)
    step = 0
    while live and not (cancelled and cancelled.is_set()):
        logits = forward.forward(ids, mask, position)
        nxt = pick(logits, rules.temperature, rules.top_p, None if draws is None else draws[:, step])
        step += 1
        kept = _advance(live, nxt.tolist(), rules, on_done)
        if len(kept) < len(live):
            live = [live[i] for i in kept]
            keep = torch.tensor(kept, dtype=torch.long, device=device)
            nxt, lengths, seen = nxt[keep], lengths[keep], seen[keep]
            draws = None if draws is None else draws[keep]
            forward.keep(keep)
        ids = nxt[:, None]
        position = (lengths + step - 1)[:, None]
        mask = seen[:, None, None, : width + step] if padded else None


def _left_padded(
    prompts: list[list[int]], width: int, capacity: int, pad_id: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompts flush right, shape (rows, width), and which positions are ever seen, shape (rows, capacity)."""
    ids = torch.full((len(prompts), width), pad_id)
    seen = torch.ones((len(prompts), capacity), dtype=torch.bool)
    for i, prompt in enumerate(prompts):
        ids[i, width - len(prompt) :] = torch.tensor(prompt)
        seen[i, : width - len(prompt)] = False
    return ids.to(device), seen.to(device)


def _causal_mask(seen: torch.Tensor, padded: bool) -> torch.Tensor:
    """Where each prompt token looks, shape (rows, 1, width, width)."""
    rows, width = seen.shape
    causal = torch.ones(width, width, dtype=torch.bool, device=seen.device).tril()
    if not padded:
        return causal[None, None].expand(rows, 1, -1, -1)
    # a padding query must see something, or its softmax is NaN
    return (causal & seen[:, None])[:, None] | torch.eye(width, dtype=torch.bool, device=seen.device)


def _advance(live: list[Row], tokens: list[int], rules: Rules, on_done: Callable[[Row], None]) -> list[int]:
    """Give each row its token and hand over the finished ones.

    Returns:
        the order of those that go on: each at its place, or from the end of the batch into a finished one's.
    """
    for row, token in zip(live, tokens, strict=True):
        row.tokens.append(token)
        if token in rules.stop_ids or (rules.stopped is not None and rules.stopped(row)):
            row.finish_reason = "stop"
        elif len(row.tokens) >= row.budget:
            row.finish_reason = "length"
        if row.finish_reason:
            on_done(row)
    count = sum(not row.finish_reason for row in live)
    movers = (i for i in range(count, len(live)) if not live[i].finish_reason)
    return [next(movers) if live[i].finish_reason else i for i in range(count)]


def _padded_draws(row: Row, count: int) -> np.ndarray:
    assert row.draws is not None
    return np.pad(row.draws, (0, count - len(row.draws)))
