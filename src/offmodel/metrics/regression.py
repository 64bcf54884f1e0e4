"""Lines through a handful of (student, teacher) points: fit, intercepts, correlations, all with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from offmodel.metrics.paired import Interval

RESAMPLES = 4000


@dataclass(frozen=True)
class Fit:
    """An ordinary least-squares line y = intercept + slope · x, with 95 % bootstrap intervals over the points.

    Attributes:
        slope, intercept: of the line; ``intercept`` is y at x = 0.
        x_intercept: where the line crosses y = 0; NaN for a flat line. Its interval is over the resamples whose line
            is not flat, and is wide when the slope may be zero.
        pearson, spearman: correlations; NaN when x or y does not vary.
        n: points.
    """

    slope: float
    slope_ci: Interval
    intercept: float
    intercept_ci: Interval
    x_intercept: float
    x_intercept_ci: Interval
    pearson: float
    pearson_ci: Interval
    spearman: float
    n: int

    def rounded(self) -> dict[str, object]:
        """For ``results.json``: four decimals, NaN as None."""

        def number(x: float) -> float | None:
            return round(float(x), 4) if np.isfinite(x) else None

        return {k: tuple(map(number, v)) if isinstance(v, tuple) else number(v) for k, v in vars(self).items()}


def fit_line(x: Sequence[float], y: Sequence[float], seed: int = 0) -> Fit:
    """Fit a line, resampling points for the intervals.

    Raises:
        ValueError: for fewer than three points.
    """
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    if len(xs) < 3:
        raise ValueError(f"a regression needs at least three points, there are {len(xs)}")
    slope, intercept = _line(xs, ys)
    slopes, intercepts, correlations = _resampled(xs, ys, seed)
    return Fit(
        slope=slope,
        slope_ci=_middle(slopes),
        intercept=intercept,
        intercept_ci=_middle(intercepts),
        x_intercept=-intercept / slope if slope else float("nan"),
        x_intercept_ci=_middle(-intercepts[slopes != 0] / slopes[slopes != 0]),
        pearson=_pearson(xs, ys),
        pearson_ci=_middle(correlations),
        spearman=_spearman(xs, ys),
        n=len(xs),
    )


def band(x: Sequence[float], y: Sequence[float], seed: int = 0, points: int = 25) -> list[dict[str, float]]:
    """The fitted line from the smallest x to the largest, with its 95 % bootstrap interval: rows of x, y, low, high.

    Empty when x does not vary.
    """
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    if np.ptp(xs) == 0:
        return []
    slope, intercept = _line(xs, ys)
    slopes, intercepts, _ = _resampled(xs, ys, seed)
    grid = np.linspace(xs.min(), xs.max(), points)
    low, high = np.quantile(intercepts[:, None] + slopes[:, None] * grid, (0.025, 0.975), axis=0)
    rows = zip(grid, intercept + slope * grid, low, high, strict=True)
    return [dict(zip(("x", "y", "low", "high"), (round(float(v), 4) for v in row), strict=True)) for row in rows]


def leave_one_out(x: Sequence[float], y: Sequence[float], families: Sequence[str]) -> dict[str, Fit]:
    """The fit without each family in turn, for the families whose removal leaves at least three points."""
    fits = {}
    for family in dict.fromkeys(families):
        kept = [i for i, f in enumerate(families) if f != family]
        if len(kept) >= 3:
            fits[family] = fit_line([x[i] for i in kept], [y[i] for i in kept])
    return fits


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    spread = ((x - x.mean()) ** 2).sum()
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / spread) if spread else 0.0
    return slope, float(y.mean() - slope * x.mean())


def _resampled(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `_lines`, of bootstrap resamples of the points."""
    picks = np.random.default_rng(seed).integers(0, len(x), size=(RESAMPLES, len(x)))
    return _lines(x[picks], y[picks])


def _lines(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope, intercept and Pearson's r of every row; rows whose x does not vary are left out."""
    varied = np.ptp(x, axis=1) > 0
    x, y = x[varied], y[varied]
    dx, dy = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    xx, yy, xy = (dx**2).sum(1), (dy**2).sum(1), (dx * dy).sum(1)
    slopes = xy / xx
    with np.errstate(invalid="ignore", divide="ignore"):
        return slopes, y.mean(1) - slopes * x.mean(1), xy / np.sqrt(xx * yy)


def _pearson(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if np.ptp(x) > 0 and np.ptp(y) > 0 else float("nan")


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    return _pearson(_ranks(x), _ranks(y))


def _middle(values: np.ndarray) -> Interval:
    """The middle 95 % of the resamples in which the value is defined; NaN when there are none."""
    defined = values[np.isfinite(values)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, (0.025, 0.975))
    return float(low), float(high)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
