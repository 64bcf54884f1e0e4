"""Forward passes a decoding loop can drive: any transformers model with its cache, or the lean one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer


class Forward(Protocol):
    """A model mid-decoding: a batch is started, advanced by tokens, and rows leave it."""

    device: torch.device

    def start(self, rows: int, capacity: int) -> None:
        """Empty the cache for a new batch."""
        ...

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None, position: torch.Tensor) -> torch.Tensor:
        """Next-token logits, shape (rows, vocabulary); arguments as `LeanModel.forward`."""
        ...

    def keep(self, rows: torch.Tensor) -> None:
        """Row ``rows[i]`` of the batch becomes row i, and only these stay; a row that moves comes from beyond the end."""
        ...


class InPlaceLayer(DynamicLayer):
    """A cache layer in a buffer of fixed capacity; `update` writes and returns a view, copying nothing."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        rows, heads, _, dim = key_states.shape
        self.key_buffer = key_states.new_empty(rows, heads, self.capacity, dim)
        self.value_buffer = value_states.new_empty(rows, heads, self.capacity, value_states.shape[-1])
        self.is_initialized = True

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object):
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[-2]
        self.key_buffer[:, :, self.length : end] = key_states
        self.value_buffer[:, :, self.length : end] = value_states
        self.length = end
        self.keys, self.values = self.key_buffer[:, :, :end], self.value_buffer[:, :, :end]
        return self.keys, self.values

    def get_seq_length(self) -> int:
        return self.length

    def keep(self, rows: torch.Tensor) -> None:
        """See `Forward.keep`; rows already in place are not copied."""
        moved = (rows != torch.arange(len(rows), device=rows.device)).nonzero().squeeze(1)
        for buffer in (self.key_buffer, self.value_buffer):
            buffer[moved, :, : self.length] = buffer[rows[moved], :, : self.length]
        self.key_buffer, self.value_buffer = self.key_buffer[: len(rows)], self.value_buffer[: len(rows)]


def new_cache(model: PreTrainedModel, capacity: int) -> Cache:
    """An in-place cache for models of plain full attention; transformers' own for any other kind."""
    cache = DynamicCache(config=model.config)
    if all(type(layer) is DynamicLayer for layer in cache.layers):
        cache.layers[:] = [InPlaceLayer(capacity) for _ in cache.layers]
    return cache


def keep_rows(cache: Cache, rows: torch.Tensor) -> None:
    for layer in cache.layers:
        if isinstance(layer, InPlaceLayer):
            layer.keep(rows)
        else:
            layer.batch_select_indices(rows)  # pyright: ignore[reportAttributeAccessIssue]


class ModelForward:
    """Any causal language model of transformers, with a cache written in place where its layers allow."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model: Any = model
        self.device = model.device
        self.cache: Cache | None = None

    def start(self, rows: int, capacity: int) -> None:
        self.cache = new_cache(self.model, capacity)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None, position: torch.Tensor) -> torch.Tensor:
        cache = {"past_key_values": self.cache, "use_cache": True}
        output = self.model(input_ids=ids, attention_mask=mask, position_ids=position, logits_to_keep=1, **cache)
        return output.logits[:, -1]

    def keep(self, rows: torch.Tensor) -> None:
        assert self.cache is not None
        keep_rows(self.cache, rows)


class SumForward:
    """Weighted sum of several models' logits, each with its own cache.

    Args:
        parts: (weight, pass); the first has the batch's device.
    """

    def __init__(self, parts: Sequence[tuple[float, Forward]]) -> None:
        self.parts = parts
        self.device = parts[0][1].device

    def start(self, rows: int, capacity: int) -> None:
        for _, part in self.parts:
            part.start(rows, capacity)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None, position: torch.Tensor) -> torch.Tensor:
        return torch.stack([weight * part.forward(ids, mask, position) for weight, part in self.parts]).sum(0)

    def keep(self, rows: torch.Tensor) -> None:
        for _, part in self.parts:
            part.keep(rows)


def best_forward(model: PreTrainedModel) -> Forward:
    """The lean pass where it computes the same as the model, else the model's own."""
    if model.device.type != "cpu":
        return ModelForward(model)
    from offmodel.models.lean import lean_model  # with its compiler, which other devices do without

    return lean_model(model) or ModelForward(model)
