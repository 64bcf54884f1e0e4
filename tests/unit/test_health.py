"""Health columns and the flags that keep an artefact from being called lost capability."""

import pytest

from offmodel.benchmarks.health import flags, health, overflow_rate, ungraded_rate


def rows(n, correct=True, parsed=True, finish="stop", text="an answer", tokens=10):
    row = {"correct": correct, "parsed": parsed, "finish_reason": finish, "completion": text, "completion_tokens": tokens}
    return [dict(row) for _ in range(n)]


BASE = rows(100)


def test_columns():
    found = health(
        rows(6) + rows(2, correct=False) + rows(1, False, False, "length", "x", 40) + rows(1, False, False, "stop", " ", 1)
    )
    assert (found.parse_rate, found.truncation_rate, found.empty_rate, found.missing_eos_rate) == (0.8, 0.1, 0.1, 0.1)
    assert found.mean_tokens == pytest.approx(12.1)
    assert found.accuracy_parsed == 0.75
    assert health(rows(3, False, False)).accuracy_parsed is None


def test_a_real_loss_is_not_excused():
    assert flags(rows(50) + rows(50, correct=False), BASE) == []


def test_truncation_explains_a_drop():
    assert flags(rows(60) + rows(40, False, False, "length"), BASE) == ["truncated", "unparsed", "health_explains"]


def test_prompts_that_do_not_fit_are_counted_and_explain_what_they_cost():
    over = rows(92) + rows(8, False, False, "overflow", "", 0)
    assert overflow_rate(over) == {"overflow_rate": 0.08}
    assert overflow_rate(BASE) == {}
    assert flags(over, BASE) == ["unparsed", "empty", "overflow", "health_explains"]


def test_unparsed_answers_explain_a_drop():
    assert flags(rows(60) + rows(40, False, False), BASE) == ["unparsed", "health_explains"]


def test_worse_health_without_a_drop_is_flagged_but_explains_nothing():
    assert flags(rows(90) + rows(10, finish="length"), BASE) == ["truncated"]


def test_a_mostly_real_loss_is_not_explained():
    assert flags(rows(30) + rows(60, correct=False) + rows(10, False, False), BASE) == ["unparsed"]


def test_running_on_and_items_without_a_verdict_are_figures_of_their_own():
    on = [row | {"run_on": True} for row in rows(10)] + rows(90)
    assert health(on).run_on_rate == 0.1
    assert flags(on, BASE) == ["run_on"]
    without = rows(90) + [row | {"graded": False} for row in rows(10, correct=False)]
    assert ungraded_rate(without) == {"ungraded_rate": 0.1}
    assert flags(without, BASE) == ["ungraded", "health_explains"]
    assert flags(BASE, without) == ["ungraded"]
    assert "unsafe_code" in flags([row | {"unsafe": True} for row in BASE], BASE)
