"""A lean forward pass for decoding Llama-like models on a CPU.

At organism size a decoding step of the modelling code spends most of its time between the matrix
products: here are the same operations with nothing between them, the cache written in place, the
last layer computed for the last position only. It reads the weights of the loaded model and is
checked against it before use; any model it does not fit keeps the ordinary path.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from transformers import PreTrainedModel

FITS = ("LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
TOLERANCE = 1e-3
"""Largest difference of a logit from the modelling code's that still counts as floating-point noise."""


class LeanLayer:
    """Weights of one decoder layer, arranged for decoding; its keys and values of the running batch."""

    def __init__(self, layer: Any, heads: int, key_heads: int, dim: int) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.heads, self.key_heads, self.dim = heads, key_heads, dim
        self.qk = torch.cat([attention.q_proj.weight, attention.k_proj.weight])
        biased = attention.q_proj.bias is not None
        self.qk_bias = torch.cat([attention.q_proj.bias, attention.k_proj.bias]) if biased else None
        self.value, self.out = attention.v_proj, attention.o_proj
        self.gate, self.up, self.down = mlp.gate_proj, mlp.up_proj, mlp.down_proj
        self.norm, self.norm_mlp = layer.input_layernorm, layer.post_attention_layernorm
        self.head_norm: torch.Tensor | None = None
        if hasattr(attention, "q_norm"):
            scales = [attention.q_norm.weight] * heads + [attention.k_norm.weight] * key_heads
            self.head_norm = torch.stack(scales)
        self.keys = self.values = torch.empty(0)

    def allocate(self, rows: int, capacity: int) -> None:
        self.keys = torch.empty(rows, self.key_heads, capacity, self.dim)
        self.values = torch.empty(rows, self.key_heads, capacity, self.dim)

    def project(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, epsilon: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised, rotated queries and keys together, shape (rows, tokens, heads + key heads, dim), and values."""
        rows, tokens, _ = x.shape
        both = F.linear(x, self.qk, self.qk_bias).view(rows, tokens, self.heads + self.key_heads, self.dim)
        if self.head_norm is not None:
            both = F.rms_norm(both, (self.dim,), None, epsilon) * self.head_norm
        rotated = torch.addcmul(both * cos, both.roll(self.dim // 2, -1), sin)
        return rotated, self.value(x).view(rows, tokens, self.key_heads, self.dim)


class LeanModel:
    """The decoding state of one batch over a model's weights.

    Args:
        model: a model that `fits`.
    """

    def __init__(self, model: Any) -> None:
        config = model.config
        heads, key_heads = config.num_attention_heads, config.num_key_value_heads
        dim = getattr(config, "head_dim", None) or config.hidden_size // heads
        self.layers = [LeanLayer(layer, heads, key_heads, dim) for layer in model.model.layers]
        self.embed, self.rotary, self.norm, self.head = (
            model.model.embed_tokens,
            model.model.rotary_emb,
            model.model.norm,
            model.lm_head,
        )
        self.epsilon, self.scale, self.width, self.dim = config.rms_norm_eps, dim**-0.5, config.hidden_size, dim
        self.device = model.device
        self.length = 0

    def start(self, rows: int, capacity: int) -> None:
        """Empty the cache for a batch of ``rows`` sequences of at most ``capacity`` tokens."""
        self.length = 0
        for layer in self.layers:
            layer.allocate(rows, capacity)

    def keep(self, rows: torch.Tensor) -> None:
        """Keep only these rows of the batch."""
        for layer in self.layers:
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None, position: torch.Tensor) -> torch.Tensor:
        """Next-token logits after the last of ``ids``.

        Args:
            ids: shape (rows, tokens).
            mask: boolean, True where attention looks, shape (rows or 1, 1, tokens, keys); None when everything is seen.
            position: of each token in its sequence, shape (rows, tokens).

        Returns:
            shape (rows, vocabulary).
        """
        x = self.embed(ids)
        cos, sin = (t.unsqueeze(2) for t in self.rotary(x, position))
        sin = torch.cat([-sin[..., : self.dim // 2], sin[..., self.dim // 2 :]], -1)
        attend = self._prefill if ids.shape[1] > 1 else self._step
        end = self.length + ids.shape[1]
        for layer in self.layers:
            x = attend(layer, x, cos, sin, mask, end, last=layer is self.layers[-1])
            h = self._norm(x, layer.norm_mlp)
            x = x + layer.down(F.silu(layer.gate(h), inplace=True).mul_(layer.up(h)))
        self.length = end
        return self.head(self._norm(x[:, -1], self.norm))

    def _norm(self, x: torch.Tensor, norm: Any) -> torch.Tensor:
        return F.rms_norm(x, (self.width,), norm.weight, self.epsilon)

    def _write(self, layer: LeanLayer, both: torch.Tensor, value: torch.Tensor, end: int) -> None:
        layer.keys[:, :, self.length : end] = both[:, :, layer.heads :].transpose(1, 2)
        layer.values[:, :, self.length : end] = value.transpose(1, 2)

    def _prefill(self, layer: LeanLayer, x: torch.Tensor, cos: Any, sin: Any, mask: Any, end: int, last: bool) -> torch.Tensor:
        both, value = layer.project(self._norm(x, layer.norm), cos, sin, self.epsilon)
        self._write(layer, both, value, end)
        query = both[:, :, : layer.heads]
        if last:
            x, query, mask = x[:, -1:], query[:, -1:], None if mask is None else mask[:, :, -1:]
        out = F.scaled_dot_product_attention(
            query.transpose(1, 2), layer.keys[:, :, :end], layer.values[:, :, :end], mask, scale=self.scale, enable_gqa=True
        )
        return x + layer.out(out.transpose(1, 2).flatten(2))

    def _step(self, layer: LeanLayer, x: torch.Tensor, cos: Any, sin: Any, mask: Any, end: int, last: bool) -> torch.Tensor:
        both, value = layer.project(self._norm(x, layer.norm), cos, sin, self.epsilon)
        self._write(layer, both, value, end)
        rows, groups = x.shape[0], layer.heads // layer.key_heads
        query = both[:, 0, : layer.heads].reshape(rows * layer.key_heads, groups, self.dim) * self.scale
        keys, values = (t[:, :, :end].reshape(-1, end, self.dim) for t in (layer.keys, layer.values))
        scores = torch.bmm(query, keys.transpose(1, 2))
        if mask is not None:
            scores.view(rows, layer.key_heads, groups, end).masked_fill_(~mask, torch.finfo(scores.dtype).min)
        out = torch.bmm(scores.softmax(-1), values)
        return x + layer.out(out.view(rows, 1, -1))


def lean_model(model: PreTrainedModel) -> LeanModel | None:
    """The lean pass for a model on a CPU in float32, or None when it does not compute the same."""
    config: Any = model.config
    fits = (
        type(model).__name__ in FITS
        and model.device.type == "cpu"
        and model.dtype == torch.float32
        and getattr(config, "hidden_act", "") == "silu"
        and not getattr(config, "use_sliding_window", False)
        and not getattr(config, "mlp_bias", False)
    )
    if not fits:
        return None
    lean = LeanModel(model)
    with torch.inference_mode():
        ids = torch.arange(7)[None] % config.vocab_size
        position = torch.arange(7)[None]
        expected = model(ids).logits[0]
        lean.start(1, 7)
        causal = torch.ones(6, 6, dtype=torch.bool).tril()[None, None]
        found = [lean.forward(ids[:, :6], causal, position[:, :6])[0], lean.forward(ids[:, 6:], None, position[:, 6:])[0]]
    same = all((f - e).abs().max() <= TOLERANCE * (1 + e.abs().max()) for f, e in zip(found, expected[5:], strict=True))
    return lean if same else None
