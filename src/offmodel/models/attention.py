"""Attention for decoding on a CPU: two batched products instead of the general kernel.

With one query token a row, PyTorch's CPU kernel spends most of its time outside the arithmetic; here
the query heads that share a key head become one small matrix. Longer queries use the usual kernel.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "offmodel_cpu"


def decode_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Softmax attention with transformers' attention signature.

    Args:
        module: the attention layer.
        query: shape (rows, heads, queries, dim).
        key, value: shape (rows, key heads, keys, dim).
        attention_mask: boolean, True where attention looks; shape (rows or 1, 1, queries, keys), or None.
        scaling: of the scores; dim ** -0.5 when None.
        **kwargs: passed on to the usual kernel.

    Returns:
        Output of shape (rows, queries, heads, dim), and None for the weights.
    """
    if query.shape[2] != 1 or kwargs.get("position_bias") is not None or torch.is_grad_enabled():
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    rows, heads, _, dim = query.shape
    key_heads, keys = key.shape[1], key.shape[2]
    grouped = (query * (scaling or dim**-0.5)).reshape(rows * key_heads, heads // key_heads, dim)
    scores = torch.bmm(grouped, key.reshape(rows * key_heads, keys, dim).transpose(1, 2))
    if attention_mask is not None and attention_mask.shape[-1] == keys:
        hidden = ~attention_mask if attention_mask.dtype == torch.bool else attention_mask < 0
        scores.view(rows, key_heads, -1, keys).masked_fill_(hidden, torch.finfo(scores.dtype).min)
    output = torch.bmm(scores.softmax(-1), value.reshape(rows * key_heads, keys, value.shape[-1]))
    return output.view(rows, 1, heads, value.shape[-1]), None


def use_decode_attention(model: PreTrainedModel) -> None:
    """Switch a CPU model from PyTorch's kernel to `decode_attention`; models with other kernels keep theirs."""
    AttentionInterface.register(NAME, decode_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    if model.device.type == "cpu" and model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(NAME)
