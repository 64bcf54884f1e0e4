"""Every study runs at smoke size, twice; the second time executes no step."""

import csv
import json

import jsonschema
import pytest

from offmodel.pipeline.runner import Runner
from offmodel.pipeline.store import Store
from offmodel.report.outputs import SCHEMA, results, write_outputs
from offmodel.studies import studies
from offmodel.studies.run import run_study
from tests.conftest import TINY

SMOKE = {"demo": ["reminder_benchmarks=arith"]}
"""Extra parameters that keep a study small."""


@pytest.mark.parametrize("name", sorted(studies()))
def test_study_runs_once_and_is_cached(name, tmp_path):
    fields = studies()[name].params.model_fields
    extra = ["teachers=organism:pirate,self", "benchmarks=arith,facts", "doses=0,4", *SMOKE.get(name, [])]
    pairs = [p for p in [*TINY, *extra] if p.split("=")[0] in fields]
    outcomes = []
    for _ in range(2):
        with Runner(Store(tmp_path), workers=1) as runner:
            outcomes.append(run_study(name, pairs, "organism", runner))
    first, second = outcomes
    assert first.counts.run > 0
    assert second.counts.run == 0
    assert second.counts.cached > 0
    assert [c.model_dump() for c in first.result.cells] == [c.model_dump() for c in second.result.cells]
    jsonschema.validate(results(second), json.loads(SCHEMA.read_text()))


def test_output_contract(tiny_run):
    out = tiny_run / "out"
    data = json.loads((out / "results.json").read_text())
    jsonschema.validate(data, json.loads(SCHEMA.read_text()))
    with (out / "cells.csv").open() as f:
        rows = list(csv.DictReader(f))
    assert len(rows) == len(data["cells"])
    assert float(rows[0]["accuracy"]) == data["cells"][0]["accuracy"]
    names = {p.name for p in (out / "figures").iterdir()}
    assert {"delta.svg", "delta.png", "dose.svg", "levels-arith.png", "loss.svg"} <= names
    assert (out / "figures" / "delta.png").read_bytes()[:4] == b"\x89PNG"


def test_the_schema_refuses_a_wrong_result(tiny_run):
    data = json.loads((tiny_run / "out" / "results.json").read_text())
    data["cells"][0]["accuracy"] = 1.2
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json.loads(SCHEMA.read_text()))


def test_an_unchanged_report_is_not_drawn_again(tiny_run):
    pairs = [*TINY, "teachers=organism:pirate,self", "benchmarks=arith,facts", "reminder_benchmarks=arith", "doses=0,4"]
    report = tiny_run / "out" / "report.html"
    before = report.stat().st_mtime_ns
    with Runner(Store(tiny_run / "store"), workers=1) as runner:
        outcome = run_study("demo", pairs, "organism", runner)
    assert outcome.counts.run == 0
    write_outputs(outcome, tiny_run / "out", "offmodel run demo")
    assert report.stat().st_mtime_ns == before
    write_outputs(outcome, tiny_run / "out", "offmodel run demo again")
    assert report.stat().st_mtime_ns != before
    write_outputs(outcome, tiny_run / "out", "offmodel run demo")
