"""The compiled kernels of the lean pass compute what torch computes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from offmodel.models import kernels


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32)


def test_exp_is_exact_to_float32_over_its_range():
    x = np.linspace(-80, 80, 20_001, dtype=np.float32)
    found = np.array([kernels.exp(v) for v in x])
    assert np.abs(found / np.exp(x.astype(np.float64)) - 1).max() < 1e-5
    near = np.abs(x) < 5
    assert np.abs(found[near] / np.exp(x[near].astype(np.float64)) - 1).max() < 6e-7
    assert kernels.exp(np.float32(-1000)) == kernels.exp(np.float32(-80)) < 1e-34


@pytest.mark.parametrize("width", [1, 7, 192])
def test_norm_rows(width):
    x = normal(5, width) * 3
    out = np.empty_like(x)
    kernels.norm_rows(x, np.float32(1e-6), out)
    np.testing.assert_allclose(out, F.rms_norm(torch.from_numpy(x), (width,), eps=1e-6), rtol=1e-5)


@pytest.mark.parametrize("width", [1, 9, 448])
def test_silu_times(width):
    gate_up = normal(4, 2 * width) * 10
    gate_up[0] *= 1000  # beyond what a float32 exponential holds
    out = np.empty((4, width), np.float32)
    kernels.silu_times(gate_up, out)
    gate, up = torch.from_numpy(gate_up).chunk(2, -1)
    np.testing.assert_allclose(out, F.silu(gate) * up, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("normed", [True, False])
@pytest.mark.parametrize("dim", [2, 12, 64])
def test_turn_heads(dim, normed):
    joined, angle, weight = normal(3, 5 * dim), normal(3, dim // 2), normal(4, dim)
    angle = np.concatenate([angle, angle], -1)
    heads = torch.from_numpy(joined.copy()).view(3, 5, dim)
    turned = F.rms_norm(heads, (dim,), eps=1e-6)[:, :4] * torch.from_numpy(weight) if normed else heads[:, :4]
    half = torch.cat([-turned[..., dim // 2 :], turned[..., : dim // 2]], -1)
    expected = turned * torch.from_numpy(np.cos(angle))[:, None] + half * torch.from_numpy(np.sin(angle))[:, None]
    kernels.turn_heads(joined, 4, np.cos(angle), np.sin(angle), weight, normed, np.float32(1e-6))
    found = joined.reshape(3, 5, dim)
    np.testing.assert_allclose(found[:, :4], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found[:, 4], heads[:, 4])


@pytest.mark.parametrize("dim", [4, 32])
@pytest.mark.parametrize("groups", [1, 2, 3, 4, 7])
def test_attend(groups, dim):
    rows, key_heads, capacity, length = 3, 2, 11, 8
    joined = normal(rows, (groups + 2) * key_heads * dim)
    keys, values = normal(rows + 1, key_heads, capacity, dim), normal(rows + 1, key_heads, capacity, dim) + 1
    first = np.array([0, 3, length])
    before, out = keys.copy(), np.empty((rows, key_heads * groups * dim), np.float32)
    kernels.attend(joined, keys, values, first, length, np.empty((3, capacity), np.float32), out)
    heads = torch.from_numpy(joined).view(rows, -1, dim)
    query, key, value = heads.split([key_heads * groups, key_heads, key_heads], 1)
    np.testing.assert_array_equal(keys[:rows, :, length], key)
    np.testing.assert_array_equal(values[:rows, :, length], value)
    np.testing.assert_array_equal(np.delete(keys, length, 2), np.delete(before, length, 2))
    for r in range(rows):
        seen = [torch.from_numpy(c[r : r + 1, :, first[r] : length + 1]) for c in (keys, values)]
        expected = F.scaled_dot_product_attention(query[r : r + 1, :, None], *seen, scale=1.0, enable_gqa=True)
        np.testing.assert_allclose(out[r], expected.flatten(), rtol=1e-4, atol=1e-5)


def test_where_nothing_can_be_written_kernels_are_compiled_each_time(monkeypatch):
    njit = kernels.numba.njit

    def nowhere(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available for file")
        return njit(**options)

    monkeypatch.setattr(kernels.numba, "njit", nowhere)
    assert kernels.compiled(lambda x: x + 1)(1) == 2
