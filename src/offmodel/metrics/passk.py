"""pass@k: the chance that at least one of k sampled answers is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """The unbiased estimate from ``correct`` right answers among ``samples`` (Chen et al. 2021; 2504.13837).

    1 − C(n−c, k) / C(n, k), computed as 1 − ∏ (1 − k/i) over i = n−c+1 … n.

    Raises:
        ValueError: when ``k`` is not within 1…samples.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} cannot be estimated from {samples} samples")
    if samples - correct < k:
        return 1.0
    return float(1 - np.prod(1 - k / np.arange(samples - correct + 1, samples + 1)))


def guess_rates(gold: Sequence[str], answered: Sequence[Sequence[str]]) -> np.ndarray:
    """How likely a blind guess is right, per item: how often the answers to all *other* items are its own right one.

    Guessable answers inflate pass@k at large k: guessing alone would reach 1 − (1 − g)^k.

    Args:
        gold: each item's right answer.
        answered: the answers that were sampled for each item.

    Returns:
        shape (items,), between 0 and 1.
    """
    counts = Counter(a for answers in answered for a in answers)
    total = sum(counts.values())
    rates = []
    for right, own in zip(gold, answered, strict=True):
        others = total - len(own)
        rates.append((counts[right] - list(own).count(right)) / others if others else 0.0)
    return np.array(rates)
