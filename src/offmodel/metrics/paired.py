"""Paired statistics: base and tuned answer the same items, so compare item by item."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from statistics import NormalDist

import numpy as np
from scipy.special import bdtr

Interval = tuple[float, float]

RESAMPLES = 10_000


@cache
def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson score interval of a proportion (Wilson 1927).

    Raises:
        ValueError: when ``n`` is not positive or ``successes`` is outside 0…n.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} of {n} is no proportion")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = successes / n
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)
    return (0.0 if successes == 0 else float(low), 1.0 if successes == n else float(high))


def bootstrap_means(values: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> np.ndarray:
    """Means of resampled rows.

    Args:
        values: shape (items,) or (items, columns); rows are resampled together, so columns stay paired.
        seed: of the resampling.
        resamples: how many.

    Returns:
        shape (resamples,) or (resamples, columns).
    """
    values = np.asarray(values, dtype=float)
    return resample_weights(len(values), seed, resamples) @ values


@lru_cache(maxsize=16)
def resample_weights(n: int, seed: int, resamples: int) -> np.ndarray:
    """How much each of ``n`` items counts in each resample; shape (resamples, n), rows sum to 1.

    Shared by every cell of the same size, so drawing is paid once and cells stay paired.
    """
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples) / n


def paired_delta(
    tuned: Sequence[float], base: Sequence[float], seed: int = 0, confidence: float = 0.95
) -> tuple[float, Interval]:
    """Mean difference tuned − base over the same items, with a percentile bootstrap interval.

    Several training seeds: pass per-item means over seeds, which clusters by item.
    """
    difference = np.asarray(tuned, dtype=float) - np.asarray(base, dtype=float)
    if not difference.any():
        return 0.0, (0.0, 0.0)
    tail = (1 - confidence) / 2
    low, high = np.quantile(bootstrap_means(difference, seed), (tail, 1 - tail))
    return float(difference.mean()), (float(low), float(high))


def mcnemar_exact(tuned: Sequence[bool], base: Sequence[bool]) -> float:
    """Two-sided exact McNemar p-value: a binomial test on the items where the two disagree."""
    worse = sum(b and not t for t, b in zip(tuned, base, strict=True))
    better = sum(t and not b for t, b in zip(tuned, base, strict=True))
    return _sign_test(worse, worse + better)


@cache
def _sign_test(successes: int, n: int) -> float:
    return min(1.0, 2 * float(bdtr(min(successes, n - successes), n, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, running)
    return adjusted.tolist()


@cache
def minimum_detectable_effect(n: int, discordance: float = 0.2, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest |Δ accuracy| that a paired comparison of ``n`` items finds with the given power.

    Normal approximation to McNemar's test (Connor 1987): n = (z₁√ψ + z₂√(ψ−δ²))² / δ², solved for δ.

    Args:
        n: items.
        discordance: expected share ψ of items on which the two models disagree.
        alpha: two-sided level.
        power: wanted.
    """
    za, zb = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    low, high = 0.0, 1.0
    for _ in range(60):
        delta = (low + high) / 2
        psi = max(discordance, delta)
        needed = (za * math.sqrt(psi) + zb * math.sqrt(max(psi - delta * delta, 0))) ** 2 / max(delta * delta, 1e-18)
        low, high = (low, delta) if needed <= n else (delta, high)
    return high


def recovered_share(
    base: Sequence[float], tuned: Sequence[float], repaired: Sequence[float], seed: int = 0, confidence: float = 0.95
) -> tuple[float, Interval]:
    """Share of the loss that came back, (repaired − tuned) / (base − tuned), with a paired bootstrap interval.

    Resamples in which nothing was lost are left out; the interval is NaN when all are.
    """
    columns = np.stack([np.asarray(x, dtype=float) for x in (base, tuned, repaired)], axis=1)
    b, t, r = columns.mean(0)
    means = bootstrap_means(columns, seed)
    lost = means[:, 0] - means[:, 1]
    shares = (means[:, 2] - means[:, 1])[lost > 0] / lost[lost > 0]
    tail = (1 - confidence) / 2
    interval = np.quantile(shares, (tail, 1 - tail)) if len(shares) else (math.nan, math.nan)
    return (float((r - t) / (b - t)) if b > t else math.nan, (float(interval[0]), float(interval[1])))
