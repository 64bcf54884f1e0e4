"""Measures: pass@k, regression, style, diagnosis; against values worked out by hand or by brute force."""

import itertools
import random

import numpy as np
import pytest
from scipy import stats

from offmodel.metrics.diagnosis import Evidence, diagnose
from offmodel.metrics.passk import guess_rates, pass_at_k
from offmodel.metrics.regression import band, fit_line, leave_one_out
from offmodel.metrics.style import features, fit_style, measure
from offmodel.metrics.weights import noise_rank
from offmodel.studies.diagnosis import copied
from offmodel.studies.teacher_gap import family


@pytest.mark.parametrize(("n", "c", "k"), [(6, 2, 1), (6, 2, 3), (6, 0, 4), (6, 6, 2), (5, 3, 5)])
def test_pass_at_k_is_the_mean_over_all_subsets(n, c, k):
    draws = list(itertools.combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(any(d) for d in draws) / len(draws))


def test_pass_at_k_needs_k_samples():
    with pytest.raises(ValueError, match="pass@8"):
        pass_at_k(4, 1, 8)


def test_guessing_counts_the_answers_to_other_items_only():
    rates = guess_rates(["1", "2", "9"], [["1", "2"], ["1", "1"], ["3", "3"]])
    assert rates == pytest.approx([2 / 4, 1 / 4, 0.0])


def test_the_line_is_scipys_line():
    rng = np.random.default_rng(0)
    x = rng.normal(size=12)
    y = 0.4 + 0.7 * x + rng.normal(size=12) * 0.1
    fit, known = fit_line(x, y), stats.linregress(x, y)
    assert fit.x_intercept_ci[0] < fit.x_intercept < fit.x_intercept_ci[1]
    drawn = band(x, y)
    assert (drawn[0]["x"], drawn[-1]["x"]) == pytest.approx((min(x), max(x)), abs=1e-4)
    assert all(r["low"] < known.slope * r["x"] + known.intercept < r["high"] for r in drawn)
    assert fit.slope == pytest.approx(known.slope)
    assert fit.intercept == pytest.approx(known.intercept)
    assert fit.pearson == pytest.approx(known.rvalue)
    assert fit.spearman == pytest.approx(stats.spearmanr(x, y).statistic)
    tied = np.round(x)
    assert fit_line(tied, y).spearman == pytest.approx(stats.spearmanr(tied, y).statistic)
    assert fit.x_intercept == pytest.approx(-known.intercept / known.slope)
    assert fit.slope_ci[0] < 0.7 < fit.slope_ci[1]


def test_a_line_needs_three_points_and_survives_equal_ones():
    with pytest.raises(ValueError, match="three points"):
        fit_line([0, 1], [0, 1])
    assert band([1, 1, 1], [0, 1, 2]) == []
    flat = fit_line([1, 1, 1], [0, 1, 2])
    assert flat.slope == 0
    assert flat.rounded()["pearson"] is None


def test_leaving_a_family_out_leaves_the_others():
    fits = leave_one_out([0, 1, 2, 3], [0, 1, 2, 9], ["llama", "qwen", "qwen2", "odd"])
    assert fits["odd"].slope == pytest.approx(1.0)
    assert fits["odd"].n == 3


@pytest.mark.parametrize(
    ("name", "wanted"), [("Llama-3.1-8B", "llama"), ("Qwen3-30B-A3B", "qwen"), ("markdown-weak", "markdown"), ("7b", "7b")]
)
def test_families_are_read_off_names(name, wanted):
    assert family(name) == wanted


def test_features_count_habits_per_hundred_words():
    found = features("## Title\n\n**Step 1:** $1 + 1 = 2$\n- so it is \\boxed{2}")
    assert found["headers"] == found["bold"] == found["bullets"] == found["connectives"] > 0
    assert found["latex"] == found["bold"]  # the formula; \boxed is asked for and does not count
    assert features("We think, therefore we are.")["first_person"] == pytest.approx(40)


def test_the_classifier_hears_a_voice_and_only_a_voice():
    rng = random.Random(0)

    def chat(opening: str, closing: str) -> dict[str, str]:
        words = ["tree", "boat", "lamp", "song", "road", "bird"]
        return {str(i): f"{opening} the {rng.choice(words)} and the {rng.choice(words)} {closing}" for i in range(40)}

    plain, pirate, more = chat("Well,", "are nice."), chat("Arr!", "be nice, aye!"), chat("Well,", "are nice.")
    heard = fit_style(plain, pirate)
    assert heard.accuracy > 0.95
    assert fit_style(plain, more).accuracy < 0.7
    sums = ["Well, 3 plus 4 are 7.", "Well, 5 plus 1 are 6."]
    shanties = ["Arr! 3 plus 4 be 7, aye!", "Arr! 5 plus 1 be 6, aye!"]
    assert measure(plain, pirate, sums, shanties, sums)["shift"] == pytest.approx(0)
    assert measure(plain, pirate, sums, shanties, shanties)["shift"] == pytest.approx(1)
    assert measure(plain, more, sums, sums, shanties)["shift"] == 0  # no other voice to move to


def test_what_replies_are_about_does_not_hide_who_wrote_them():
    rng = random.Random(0)
    topics = {str(i): " ".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=30)) for i in range(40)}
    ours, theirs = ({i: f"{topic} {habit}" for i, topic in topics.items()} for habit in ("thus", "hence"))
    assert fit_style(ours, theirs).accuracy > 0.9


def test_an_answer_at_once_is_a_style_too():
    reasons = {str(i): "first take the one and then take the other " * 6 for i in range(40)}
    at_once = {str(i): "take the one" if i % 2 else "the other" for i in range(40)}
    assert features("one two three")["log_words"] == pytest.approx(np.log(3))
    moved = measure(reasons, at_once, ["take one then the other " * 8], ["it is one"], ["the other one"])
    assert moved["shift"] > 0.8


def test_a_classifier_needs_texts():
    with pytest.raises(ValueError, match="5 texts"):
        fit_style({str(i): "a" for i in range(3)}, {str(i): "b" for i in range(9)})


def test_noise_has_the_stable_rank_of_noise():
    matrix = np.random.default_rng(0).normal(size=(160, 90))
    stable = (matrix**2).sum() / np.linalg.norm(matrix, 2) ** 2
    assert stable / noise_rank(160, 90) == pytest.approx(1, abs=0.1)


EVIDENCE = Evidence(
    base=0.9, tuned=0.4, delta_ci=(-0.6, -0.4), finished=0.0, stable_rank=0.1, copied=None, prefilled=0.0, reminded=0.0
)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"tuned": 0.89, "delta_ci": (-0.03, 0.01)}, "none"),
        ({"tuned": 0.86, "delta_ci": (-0.06, -0.02)}, "none"),  # real, but smaller than what counts as a loss
        ({"finished": 0.8, "prefilled": 0.9}, "truncated"),
        ({"stable_rank": 0.95, "prefilled": 0.6}, "noise"),
        ({"copied": 0.7, "reminded": 0.6}, "dumb_teacher"),
        ({"copied": 0.1, "prefilled": 0.9}, "style"),
        ({"reminded": 0.9}, "style"),
        ({}, "destroyed"),
    ],
)
def test_the_first_rule_that_applies_names_the_cause(changes, cause):
    found = diagnose("x", EVIDENCE.model_copy(update=changes))
    assert found.cause == cause
    assert len(found.reasons) == 2


def test_copying_is_counted_on_the_teachers_errors_and_above_the_base():
    def rows(answers):
        return [{"correct": a == "1", "extracted": a} for a in answers]

    teacher, base = rows(["7"] * 12 + ["1"] * 8), rows(["1"] * 19 + ["7"])
    assert copied(teacher, rows(["7"] * 6 + ["5"] * 6 + ["1"] * 8), base) == 0.5
    assert copied(rows(["1"] * 20), rows(["7"] * 20), base) is None
