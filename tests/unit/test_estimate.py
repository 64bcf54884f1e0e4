"""Estimates of `offmodel plan`: the store's own history first, no less than the longest chain."""

import pytest

from offmodel.pipeline.estimate import estimate, typical
from offmodel.studies.run import plan_study


def test_an_empty_store_is_reckoned_as_organisms(store):
    steps = plan_study("degradation", ["teachers=organism:pirate", "benchmarks=arith"], "organism", store).to_run
    seconds = typical()["seconds"]
    one, many = estimate(steps, store, workers=1), estimate(steps, store, workers=100)
    evaluations, trainings, writings = (
        sum(s.kind == kind for s in steps.values()) for kind in ("evaluation", "adapter", "completions")
    )
    whole = evaluations * seconds["evaluation"] + trainings * seconds["adapter"] + writings * seconds["completions"]
    assert one.seconds == pytest.approx(whole)
    assert many.seconds == pytest.approx(seconds["completions"] + seconds["adapter"] + seconds["evaluation"])
    assert one.kinds_seen == ()
    assert one.kinds_assumed == ("adapter", "completions", "evaluation")


def test_nothing_to_run_takes_no_time(store):
    assert estimate({}, store, workers=2).seconds == 0
