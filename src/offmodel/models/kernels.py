"""What lies between the matrix products of the lean pass, compiled by numba.

At organism size these operations are too small for torch: each would be dispatched several times a
layer and read from memory again. All arrays are float32 and contiguous, all results are written in place.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

FLOAT, INT = np.float32, np.int32
ZERO, ONE = FLOAT(0), FLOAT(1)
LOG2_E = FLOAT(np.log2(np.e))
SMALLEST = FLOAT(-80)
"""Below it `exp` gives what it gives here, 2e-35: nothing beside the largest term of a softmax."""


def compiled(function: Callable) -> Callable:
    """``function`` in machine code, kept between processes where the disk can be written."""
    options = {"nogil": True, "fastmath": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no directory to keep it in
        return numba.njit(**options)(function)


@compiled
def exp(x):
    """e to the ``x`` for x from -80 to 80, a polynomial in the power of two so that loops over it vectorise; 3e-7 relative."""
    x = max(x, SMALLEST) * LOG2_E
    whole = np.floor(x + FLOAT(0.5))
    y = x - whole
    p = FLOAT(0.009618129) + y * (FLOAT(0.0013333558) + y * FLOAT(0.00015403530))
    p = ONE + y * (FLOAT(0.6931472) + y * (FLOAT(0.2402265) + y * (FLOAT(0.05550411) + y * p)))
    return p * INT((INT(whole) + INT(127)) << INT(23)).view(np.float32)


@compiled
def norm_rows(x, epsilon, out):
    """``out`` = rows of ``x`` over their root mean square; both of shape (rows, width)."""
    rows, width = x.shape
    for r in range(rows):
        square, row, to = ZERO, x[r], out[r]
        for i in range(width):
            square += row[i] * row[i]
        scale = ONE / np.sqrt(square / FLOAT(width) + epsilon)
        for i in range(width):
            to[i] = row[i] * scale


@compiled
def turn_heads(joined, heads, cos, sin, head_norm, normed, epsilon):
    """Rotate each query and key head in place, after its norm where the model has one.

    Args:
        joined: the projections, shape (tokens, width); its first ``heads`` heads are turned.
        heads: query heads and key heads together.
        cos: cosines of the rotary embedding, shape (tokens, dim).
        sin: sines, same shape.
        head_norm: scale of each head after its norm, shape (heads, dim).
        normed: whether heads are normed at all.
        epsilon: of the norm.
    """
    dim = cos.shape[1]
    half = dim // 2
    for t in range(len(joined)):
        c, s = cos[t], sin[t]
        for h in range(heads):
            head, weight = joined[t, h * dim : (h + 1) * dim], head_norm[h]
            if normed:
                square = ZERO
                for i in range(dim):
                    square += head[i] * head[i]
                scale = ONE / np.sqrt(square / FLOAT(dim) + epsilon)
                for i in range(dim):
                    head[i] *= scale * weight[i]
            low, high = head[:half], head[half:]
            for i in range(half):
                a, b = low[i], high[i]
                low[i] = a * c[i] - b * s[i]
                high[i] = b * c[half + i] + a * s[half + i]


@compiled
def softmax(scores, count):
    """Softmax of the first ``count`` of ``scores``, in place."""
    top, total = scores[0], ZERO
    for i in range(count):
        top = max(top, scores[i])
    for i in range(count):
        scores[i] = exp(scores[i] - top)
        total += scores[i]
    for i in range(count):
        scores[i] /= total


@compiled
def attend_three(query, keys, values, scores, out):
    """Three query heads over the same keys, read once for all: query and out (3, dim), keys and values (tokens, dim)."""
    q0, q1, q2 = query[0], query[1], query[2]
    s0, s1, s2 = scores[0], scores[1], scores[2]
    o0, o1, o2 = out[0], out[1], out[2]
    count, dim = keys.shape
    for t in range(count):
        key, x, y, z = keys[t], ZERO, ZERO, ZERO
        for i in range(dim):
            x += q0[i] * key[i]
            y += q1[i] * key[i]
            z += q2[i] * key[i]
        s0[t], s1[t], s2[t] = x, y, z
    softmax(s0, count)
    softmax(s1, count)
    softmax(s2, count)
    out[:] = ZERO
    for t in range(count):
        value, x, y, z = values[t], s0[t], s1[t], s2[t]
        for i in range(dim):
            o0[i] += x * value[i]
            o1[i] += y * value[i]
            o2[i] += z * value[i]


@compiled
def attend_one(query, keys, values, scores, out):
    """One query head: query and out (dim,), keys and values (tokens, dim)."""
    count, dim = keys.shape
    for t in range(count):
        key, x = keys[t], ZERO
        for i in range(dim):
            x += query[i] * key[i]
        scores[t] = x
    softmax(scores, count)
    out[:] = ZERO
    for t in range(count):
        value, x = values[t], scores[t]
        for i in range(dim):
            out[i] += x * value[i]


@compiled
def attend(joined, keys, values, first, length, scores, out):
    """Put one new token of every row into the cache and let it look at what its row has seen.

    Args:
        joined: turned projections, shape (rows, (heads + 2 key heads) * dim): queries, then keys, then values.
        keys: the layer's cache, shape (at least rows, key heads, capacity, dim).
        values: same shape.
        first: where each row begins in the cache, shape (at least rows,).
        length: tokens in the cache before this one.
        scores: scratch, shape (3, capacity).
        out: shape (rows, heads * dim).
    """
    rows, width = out.shape
    key_heads, dim = keys.shape[1], keys.shape[3]
    groups = width // (key_heads * dim)
    for r in range(rows):
        projected, attended = joined[r].reshape(-1, dim), out[r].reshape(-1, dim)
        for h in range(key_heads):
            head = key_heads * groups + h
            keys[r, h, length] = projected[head]
            values[r, h, length] = projected[head + key_heads]
            k, v = keys[r, h, first[r] : length + 1], values[r, h, first[r] : length + 1]
            g = h * groups
            while g + 3 <= (h + 1) * groups:
                attend_three(projected[g : g + 3], k, v, scores, attended[g : g + 3])
                g += 3
            for one in range(g, (h + 1) * groups):
                attend_one(projected[one], k, v, scores[0], attended[one])


@compiled
def silu_times(gate_up, out):
    """``out`` = silu of the first half of each row times its second half; shapes (rows, 2 * width), (rows, width)."""
    rows, width = out.shape
    for r in range(rows):
        gate, up, to = gate_up[r, :width], gate_up[r, width:], out[r]
        for i in range(width):
            to[i] = gate[i] * up[i] / (ONE + exp(min(-gate[i], -SMALLEST)))
