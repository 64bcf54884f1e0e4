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

import numpy as np
import torch
import torch.nn.functional as F
from transformers import PreTrainedModel

from offmodel.models import kernels

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
    head_norm: np.ndarray
    """Scale of each query and key head after its norm, shape (heads + key heads, dim); ones for models without."""
    out: torch.Tensor
    gate_up: torch.Tensor
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
        self.epsilon = np.float32(config.rms_norm_eps)
        self.normed = hasattr(model.model.layers[0].self_attn, "q_norm")
        self.layers = [self._layer(layer) for layer in model.model.layers]
        self.embed = model.model.embed_tokens.weight.detach()
        self.head = (model.lm_head.weight * model.model.norm.weight).detach().t()
        self.rotary = model.model.rotary_emb

    def _layer(self, layer: Any) -> LeanLayer:
        attention, mlp, scale = layer.self_attn, layer.mlp, self.dim**-0.5
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        scales = (1.0 if self.normed else scale, 1.0, 1.0)  # of queries: with their norm where they have one
        weights = [p.weight * layer.input_layernorm.weight * s for p, s in zip(projections, scales, strict=True)]
        biases = [p.bias * s for p, s in zip(projections, scales, strict=True) if p.bias is not None]
        head_norm = torch.ones(self.heads + self.key_heads, self.dim)
        if self.normed:
            head_norm[: self.heads], head_norm[self.heads :] = attention.q_norm.weight * scale, attention.k_norm.weight
        after = layer.post_attention_layernorm.weight
        return LeanLayer(
            qkv=torch.cat(weights).detach().t(),
            qkv_bias=torch.cat(biases).detach() if biases else None,
            head_norm=head_norm.numpy(),
            out=attention.o_proj.weight.detach().t(),
            gate_up=(torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]) * after).detach().t(),
            down=mlp.down_proj.weight.detach().t(),
        )


class LeanModel:
    """The decoding state of one batch over a model's weights; several may share the weights."""

    device = torch.device("cpu")

    def __init__(self, weights: LeanWeights) -> None:
        self.weights = weights
        self.cache = torch.empty(0)
        self.first = np.empty(0, np.int64)
        """Where each row begins in the cache: prompts are flush right."""
        self.rows = self.length = 0

    def twin(self) -> LeanModel:
        """Another batch's state over the same weights."""
        return LeanModel(self.weights)

    def start(self, rows: int, capacity: int) -> None:
        """Empty the cache for a batch of ``rows`` sequences; it grows as they do, whatever the ``capacity``."""
        self.rows, self.length = rows, 0
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
        self.first = self.first[rows.numpy()]
        self.rows = len(rows)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None, position: torch.Tensor) -> torch.Tensor:
        """Next-token logits after the last of ``ids``: the whole prompts first, then one token at a time.

        Args:
            ids: shape (rows, tokens).
            mask: boolean, True where attention looks, shape (rows, 1, tokens, keys). Read with the prompts only: a
                step sees what its row's prompt saw last and all after that.
            position: of each token in its sequence, shape (rows, tokens).

        Returns:
            shape (rows, vocabulary).
        """
        tokens = ids.shape[1]
        self._reserve(self.length + tokens)
        if self.length:
            logits = self._step(ids, position)
        else:
            assert mask is not None, "a prompt needs its causal mask"
            self.first = mask[:, 0, -1].to(torch.uint8).argmax(-1).numpy()
            rows = max(1, CHUNK_TOKENS // tokens)
            logits = torch.cat([self._prompts(ids, mask, position, slice(a, a + rows)) for a in range(0, self.rows, rows)])
        self.length += tokens
        return logits

    def _prompts(self, ids: torch.Tensor, mask: torch.Tensor, position: torch.Tensor, rows: slice) -> torch.Tensor:
        """Read some rows' prompts, without the columns on the left that none of them uses."""
        w, used, end = self.weights, int(self.first[rows].min()), ids.shape[1]
        ids, mask = ids[rows, used:], mask[rows, :, used:, used:]
        turn = self._turn(position[rows, used:])
        x = F.embedding(ids.reshape(-1), w.embed)
        for layer, cache in zip(w.layers, self.cache[:, :, rows, :, used:end], strict=True):
            heads = self._project(layer, x, turn).view(*ids.shape, -1, w.dim).transpose(1, 2)
            query, cache[0], cache[1] = heads.split([w.heads, w.key_heads, w.key_heads], 1)
            if layer is w.layers[-1]:
                x, query, mask = x.view(*ids.shape, -1)[:, -1].contiguous(), query[:, :, -1:], mask[:, :, -1:]
            out = F.scaled_dot_product_attention(query, cache[0], cache[1], mask, scale=1.0, enable_gqa=True)
            x = self._finish(layer, x, out.transpose(1, 2).reshape(len(x), -1))
        return torch.mm(self._normed(x), w.head)

    def _step(self, ids: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """One token of every row."""
        w, turn, cache = self.weights, self._turn(position), self.cache.numpy()
        x = F.embedding(ids.view(-1), w.embed)
        scores = np.empty((3, cache.shape[4]), np.float32)
        out = torch.empty(len(x), w.heads * w.dim)
        for layer, (keys, values) in zip(w.layers, cache, strict=True):
            joined = self._project(layer, x, turn)
            kernels.attend(joined.numpy(), keys, values, self.first, self.length, scores, out.numpy())
            x = self._finish(layer, x, out)
        return torch.mm(self._normed(x), w.head)

    def _turn(self, position: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Cosine and sine of the rotary embedding, each of shape (tokens, dim)."""
        w = self.weights
        cos, sin = (t.view(-1, w.dim).numpy() for t in w.rotary(w.embed, position))
        return cos, sin

    def _normed(self, x: torch.Tensor) -> torch.Tensor:
        """``x`` over its root mean square along the last dimension."""
        out = torch.empty_like(x)
        kernels.norm_rows(x.numpy(), self.weights.epsilon, out.numpy())
        return out

    def _project(self, layer: LeanLayer, x: torch.Tensor, turn: tuple[np.ndarray, np.ndarray]) -> torch.Tensor:
        """Rotated queries and keys, and values, shape (tokens, (heads + 2 key heads) * dim)."""
        w, h = self.weights, self._normed(x)
        joined = torch.mm(h, layer.qkv) if layer.qkv_bias is None else torch.addmm(layer.qkv_bias, h, layer.qkv)
        kernels.turn_heads(joined.numpy(), w.heads + w.key_heads, *turn, layer.head_norm, w.normed, w.epsilon)
        return joined

    def _finish(self, layer: LeanLayer, x: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """The layer after attention, added to ``x`` in place."""
        x.addmm_(attended, layer.out)
        gate_up = torch.mm(self._normed(x), layer.gate_up)
        hidden = torch.empty(len(x), layer.down.shape[0])
        kernels.silu_times(gate_up.numpy(), hidden.numpy())
        return x.addmm_(hidden, layer.down)


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
