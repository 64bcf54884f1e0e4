"""Statistics against scipy, statsmodels and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from offmodel.metrics.paired import (
    bootstrap_means,
    holm,
    mcnemar_exact,
    minimum_detectable_effect,
    paired_delta,
    recovered_share,
    wilson,
)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_statsmodels(case):
    successes, n = case
    assert wilson(successes, n) == pytest.approx(proportion_confint(successes, n, method="wilson"), abs=1e-9)


def test_wilson_refuses_nonsense():
    with pytest.raises(ValueError, match="no proportion"):
        wilson(3, 2)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_is_statsmodels(pairs):
    tuned, base = zip(*pairs, strict=True)
    table = [[sum(t == x and b == y for t, b in pairs) for y in (True, False)] for x in (True, False)]
    assert mcnemar_exact(tuned, base) == pytest.approx(mcnemar(table, exact=True).pvalue)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_bootstrap_has_the_standard_error_of_a_mean():
    values = np.random.default_rng(1).normal(size=300)
    means = bootstrap_means(values)
    assert len(means) == 10_000
    assert means.mean() == pytest.approx(values.mean(), abs=0.005)
    assert means.std() == pytest.approx(values.std() / math.sqrt(300), rel=0.03)


def test_paired_delta_covers_scipys_bootstrap():
    rng = np.random.default_rng(2)
    base, tuned = rng.random(200) < 0.8, rng.random(200) < 0.6
    delta, ci = paired_delta(tuned, base)
    difference = tuned.astype(float) - base.astype(float)
    reference = stats.bootstrap((difference,), np.mean, method="percentile", n_resamples=10_000, rng=3).confidence_interval
    assert delta == pytest.approx(difference.mean())
    assert ci == pytest.approx(tuple(reference), abs=0.01)


def test_equal_answers_have_no_difference():
    assert paired_delta([True, False] * 50, [True, False] * 50) == (0.0, (0.0, 0.0))
    assert mcnemar_exact([True, False], [True, False]) == 1.0


def test_minimum_detectable_effect_has_the_power_it_promises():
    n, psi, rng = 200, 0.2, np.random.default_rng(0)
    delta = minimum_detectable_effect(n, psi)
    worse = rng.random((3000, n)) < (psi + delta) / 2
    better = (~worse) & (rng.random((3000, n)) < ((psi - delta) / 2) / (1 - (psi + delta) / 2))
    b, c = worse.sum(1), better.sum(1)
    z = np.abs(b - c) / np.sqrt(np.maximum(b + c, 1))
    assert np.mean(z > 1.96) == pytest.approx(0.8, abs=0.04)
    assert minimum_detectable_effect(800) < minimum_detectable_effect(200)


def test_recovered_share():
    base, tuned, half = [1] * 100, [0] * 100, [1] * 50 + [0] * 50
    share, (low, high) = recovered_share(base, tuned, half)
    assert share == 0.5
    assert low == pytest.approx(0.4, abs=0.03)
    assert high == pytest.approx(0.6, abs=0.03)
    assert recovered_share(base, tuned, base)[0] == 1.0
    assert math.isnan(recovered_share(base, base, base)[0])
