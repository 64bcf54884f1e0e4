"""A lean forward pass for decoding small Llama-like models on a CPU.

At organism size a decoding step of the modelling code spends most of its time between the matrix
products. Here are the same operations with little between them: norm weights folded into the
projections that follow, projections of one input joined, the cache written in place, prompts read
in chunks that fit the processor's cache, the last layer computed for the last position only. It
copies the weights of the loaded model and is checked against it before use; any model it does not
fit keeps the ordinary path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from transformers import PreTrainedModel

FITS = ("LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
LARGEST = 200_000_000
"""Parameters above which matrix products take all the time and a second copy of the weights is not worth its memory."""
TOLERANCE = 1e-3
"""Largest difference of a logit from the modelling code's that still counts as floating-point noise."""
CHUNK_TOKENS = 1000
"""Prompt tokens read at once, so that what they need between two products stays in the processor's cache."""
ROOM = 24
"""Tokens the cache grows by: room allocated long before it is filled spreads what is read over more memory."""


@dataclass(frozen=True)
class LeanLayer:
    """Weights of one decoder layer, transposed for `torch.mm`, the norm before each folded in."""

    qkv: torch.Tensor
    qkv_bias: torch.Tensor | None
    head_norm: torch.Tensor | None
    """Scale of each query and key head after its norm, shape (heads + key heads, dim); None for models without."""
    out: torch.Tensor
    gate: torch.Tensor
    up: torch.Tensor
    down: torch.Tensor


class LeanWeights:
    """What a model's decoding needs, arranged for it.

    Args:
        model: a model that `fits`.
    """

    def __init__(self, model: Any) -> None:
        config = model.config
        self.heads, self.key_heads = config.num_attention_heads, config.num_key_value_heads
        self.dim = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.epsilon = torch.tensor([[config.rms_norm_eps]])
        self.layers = [self._layer(layer) for layer in model.model.layers]
        self.embed = model.model.embed_tokens.weight.detach()
        self.head = (model.lm_head.weight * model.model.norm.weight).detach().t()
        self.rotary = model.model.rotary_emb

    def _layer(self, layer: Any) -> LeanLayer:
        attention, mlp, scale = layer.self_attn, layer.mlp, self.dim**-0.5
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        normed = hasattr(attention, "q_norm")
        scales = (1.0 if normed else scale, 1.0, 1.0)  # of queries: with their norm where they have one
        weights = [p.weight * layer.input_layernorm.weight * s for p, s in zip(projections, scales, strict=True)]
        biases = [p.bias * s for p, s in zip(projections, scales, strict=True) if p.bias is not None]
        head_norm = [attention.q_norm.weight * scale] * self.heads + [attention.k_norm.weight] * self.key_heads if normed else []
        after = layer.post_attention_layernorm.weight
        return LeanLayer(
            qkv=torch.cat(weights).detach().t(),
            qkv_bias=torch.cat(biases).detach() if biases else None,
            head_norm=torch.stack(head_norm).detach() if normed else None,
            out=attention.o_proj.weight.detach().t(),
            gate=(mlp.gate_proj.weight * after).detach().t(),
            up=(mlp.up_proj.weight * after).detach().t(),
            down=mlp.down_proj.weight.detach().t(),
        )


class LeanModel:
    """The decoding state of one batch over a model's weights; several may share the weights."""

    device = torch.device("cpu")

    def __init__(self, weights: LeanWeights) -> None:
        self.weights = weights
        self.cache = torch.empty(0)
        self.rows = self.length = self.padding = 0

    def twin(self) -> LeanModel:
        """Another batch's state over the same weights."""
        return LeanModel(self.weights)

    def start(self, rows: int, capacity: int) -> None:
        """Empty the cache for a batch of ``rows`` sequences; it grows as they do, whatever the ``capacity``."""
        self.rows, self.length, self.padding = rows, 0, 0
        self.cache = self._new_cache(0)

    def _new_cache(self, capacity: int) -> torch.Tensor:
        """Keys and values, shape (layers, 2, rows, key heads, capacity, dim)."""
        return torch.empty(len(self.weights.layers), 2, self.rows, self.weights.key_heads, capacity, self.weights.dim)

    def _reserve(self, length: int) -> None:
        if length > self.cache.shape[4]:
            grown = self._new_cache(length + ROOM)
            grown[..., : self.length, :] = self.cache[:, :, : self.rows, :, : self.length]
            self.cache = grown

    def keep(self, rows: torch.Tensor) -> None:
        """Row ``rows[i]`` becomes row i, and only these stay; rows already in place are not copied."""
        moved = (rows != torch.arange(len(rows))).nonzero().squeeze(1)
        self.cache[:, :, moved, :, : self.length] = self.cache[:, :, rows[moved], :, : self.length]
        self.rows = len(rows)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None, position: torch.Tensor) -> torch.Tensor:
        """Next-token logits after the last of ``ids``: the whole prompts first, then one token at a time.

        Args:
            ids: shape (rows, tokens).
            mask: boolean, True where attention looks, shape (rows, 1, tokens, keys); None when everything is seen.
            position: of each token in its sequence, shape (rows, tokens).

        Returns:
            shape (rows, vocabulary).
        """
        tokens = ids.shape[1]
        self._reserve(self.length + tokens)
        if self.length:
            logits = self._step(ids, mask, position)
        else:
            assert mask is not None, "a prompt needs its causal mask"
            rows = max(1, CHUNK_TOKENS // tokens)
            logits = torch.cat([self._prompts(ids, mask, position, slice(a, a + rows)) for a in range(0, self.rows, rows)])
        self.length += tokens
        return logits

    def _prompts(self, ids: torch.Tensor, mask: torch.Tensor, position: torch.Tensor, rows: slice) -> torch.Tensor:
        """Read some rows' prompts, without the columns on the left that none of them uses."""
        w, seen, end = self.weights, mask[rows, 0, -1], ids.shape[1]
        used = int(seen.any(0).to(torch.uint8).argmax())
        self.padding = max(self.padding, int(seen.all(0).to(torch.uint8).argmax()))
        self.cache[:, 1, rows, :, :used] = 0  # weighed with zero, which does not make a NaN of them vanish
        ids, mask = ids[rows, used:], mask[rows, :, used:, used:]
        turn = self._turn(position[rows, used:])
        x = F.embedding(ids.reshape(-1), w.embed)
        for layer, cache in zip(w.layers, self.cache[:, :, rows, :, used:end], strict=True):
            heads = [t.view(*ids.shape, -1, w.dim).transpose(1, 2) for t in self._project(layer, x, turn)]
            query, cache[0], cache[1] = heads
            if layer is w.layers[-1]:
                x, query, mask = x.view(*ids.shape, -1)[:, -1].contiguous(), query[:, :, -1:], mask[:, :, -1:]
            out = F.scaled_dot_product_attention(query, cache[0], cache[1], mask, scale=1.0, enable_gqa=True)
            x = self._finish(layer, x, out.transpose(1, 2).reshape(len(x), -1))
        return torch.mm(self._normed(x), w.head)

    def _step(self, ids: torch.Tensor, mask: torch.Tensor | None, position: torch.Tensor) -> torch.Tensor:
        """One token of every row."""
        w, end = self.weights, self.length + 1
        hidden = None if mask is None or not self.padding else ~mask[..., : self.padding]
        turn = self._turn(position)
        x = F.embedding(ids.view(-1), w.embed)
        for layer, (keys, values) in zip(w.layers, self.cache[:, :, : self.rows], strict=True):
            query, key, value = self._project(layer, x, turn)
            keys[:, :, self.length], values[:, :, self.length] = key, value.view_as(key)
            out = self._attend(query, keys.flatten(0, 1)[:, :end], values.flatten(0, 1)[:, :end], hidden)
            x = self._finish(layer, x, out)
        return torch.mm(self._normed(x), w.head)

    def _attend(self, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, hidden: torch.Tensor | None) -> torch.Tensor:
        """Attention of one query a row: queries (rows, heads, dim), keys and values (rows * key heads, tokens, dim)."""
        rows, _, dim = query.shape
        query = query.view(rows, self.weights.key_heads, -1, dim)
        groups = query.shape[2]
        if groups > 2:  # products of 3 rows take longer than of 4
            query = F.pad(query, (0, 0, 0, -groups % 4))
        scores = torch.bmm(query.reshape(len(keys), -1, dim), keys.transpose(1, 2))
        if hidden is not None:
            start = scores.view(rows, self.weights.key_heads, -1, keys.shape[1])[..., : self.padding]
            start.masked_fill_(hidden, torch.finfo(scores.dtype).min)
        return torch.bmm(scores.softmax(-1), values)[:, :groups].reshape(rows, -1)

    def _turn(self, position: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosine and signed sine of the rotary embedding, each of shape (tokens, 1, dim)."""
        w = self.weights
        cos, sin = (t.view(-1, 1, w.dim) for t in w.rotary(w.embed, position))
        return cos, torch.cat([-sin[..., : w.dim // 2], sin[..., w.dim // 2 :]], -1)

    def _normed(self, x: torch.Tensor) -> torch.Tensor:
        """``x`` over its root mean square along the last dimension."""
        norm = torch.linalg.vector_norm(x, 2, -1, keepdim=True)
        return x * torch.addcmul(self.weights.epsilon, norm, norm, value=1 / x.shape[-1]).rsqrt_()

    def _project(self, layer: LeanLayer, x: torch.Tensor, turn: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Rotated queries (tokens, heads, dim) and keys (tokens, key heads, dim), and values (tokens, key heads * dim)."""
        w, h = self.weights, self._normed(x)
        joined = torch.mm(h, layer.qkv) if layer.qkv_bias is None else torch.addmm(layer.qkv_bias, h, layer.qkv)
        width = (w.heads + w.key_heads) * w.dim
        both = joined[:, :width].view(len(x), -1, w.dim)
        if layer.head_norm is not None:
            both = self._normed(both).mul_(layer.head_norm)
        both = torch.addcmul(both * turn[0], both.roll(w.dim // 2, -1), turn[1])
        return both[:, : w.heads], both[:, w.heads :], joined[:, width:]

    def _finish(self, layer: LeanLayer, x: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """The layer after attention, added to ``x`` in place."""
        x.addmm_(attended, layer.out)
        h = self._normed(x)
        return x.addmm_(F.silu(torch.mm(h, layer.gate), inplace=True).mul_(torch.mm(h, layer.up)), layer.down)


def fits(model: PreTrainedModel) -> bool:
    """Whether the lean pass knows the architecture, at a size and place where it pays."""
    config: Any = model.config
    return (
        type(model).__name__ in FITS
        and model.device.type == "cpu"
        and model.dtype == torch.float32
        and model.num_parameters() <= LARGEST
        and getattr(config, "hidden_act", "") == "silu"
        and not getattr(config, "use_sliding_window", False)
        and not getattr(config, "mlp_bias", False)
        and model.get_submodule("model.layers.0.self_attn.o_proj").bias is None
    )


@torch.inference_mode()
def lean_model(model: PreTrainedModel) -> LeanModel | None:
    """The lean pass for a model, or None when it does not compute the same."""
    if not fits(model):
        return None
    lean = LeanModel(LeanWeights(model))
    ids = torch.arange(7)[None] % model.config.vocab_size
    position = torch.arange(7)[None]
    expected = model(ids).logits[0]  # pyright: ignore[reportCallIssue]
    lean.start(1, 7)
    causal = torch.ones(6, 6, dtype=torch.bool).tril()[None, None]
    found = [lean.forward(ids[:, :6], causal, position[:, :6])[0], lean.forward(ids[:, 6:], None, position[:, 6:])[0]]
    same = all((f - e).abs().max() <= TOLERANCE * (1 + e.abs().max()) for f, e in zip(found, expected[5:], strict=True))
    return lean if same else None
