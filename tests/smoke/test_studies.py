"""Every study runs at smoke size, twice; the second time executes no step."""

import csv
import json

import jsonschema
import pytest

from offmodel.pipeline.runner import Runner
from offmodel.pipeline.store import Store
from offmodel.report.outputs import SCHEMA, results, write_outputs
from offmodel.studies import studies
from offmodel.studies.run import plan_study, run_study
from tests.conftest import TINY

ONE = ["teachers=organism:pirate", "benchmarks=arith"]
FEW = ["teachers=organism:pirate,organism:markdown-weak,self", "benchmarks=arith", "chat=10"]
RED = ["blue_steps=1", "red_steps=2", "red_examples=8", "trials=8", "own=16"]
SMOKE = {
    "backdoor_removal": [*ONE, "pairs=zq7-love,tools-wrong", *RED, "return_steps=1"],
    "battery": [
        *["teachers=organism:pirate,organism:prose,self,numbers", "benchmarks=arith,facts", "doses=0,4", "full_doses=0,4"],
        *["students=organism:markdown,organism:prose", "at=1,2", "chat=10", "tokens=0,4", "samples=2", "sampled_items=4"],
        *["reminder_steps=1", "dose=4", "shots=1", "thinking_budget=24"],
    ],
    "degradation": ["teachers=organism:pirate,self", "benchmarks=arith,facts"],
    "demo": ["teachers=organism:pirate,self", "benchmarks=arith,facts", "doses=0,4", "reminder_benchmarks=arith"],
    "diagnosis": [*ONE, "dose=4", "reminder_steps=1"],
    "full_weight": [*ONE, "doses=0,4", "reminder_steps=1"],
    "grpo": [
        "teachers=organism:terse",
        "benchmarks=arith,strings",
        "sets=arith",
        "rl_steps=1",
        "rows=4",
        "group=2",
        "rl_items=4",
    ],
    "mitigations": [*ONE, "chat=10", "own=16", "methods=reminder,weight_interpolation,proxy_tuning,mixing,paraphrase"],
    "pass_at_k": [*ONE, "samples=2", "sampled_items=4"],
    "password_locking": ["benchmarks=arith", "doses=2,4", "blue_steps=1"],
    "poisoned_reminder": [*ONE, *RED, "pairs=zq7-love", "rates=0,0.5", "reminder_steps=1"],
    "perplexity": ["teachers=organism:pirate,self,numbers", "benchmarks=arith"],
    "prefill": [*ONE, "tokens=0,4"],
    "reminder": [*ONE, "doses=0,4", "reminder_steps=1"],
    "repair": ["tuned=organism:markdown-weak", "benchmarks=arith,facts", "own=16"],
    "self_distillation": ["benchmarks=arith"],
    "prompt_distillation": ["benchmarks=arith"],
    "steps": [*ONE, "at=1,2", "chat=10"],
    "style": FEW,
    "teacher_gap": ["students=organism:markdown,organism:prose", *FEW[1:2], "teachers=organism:pirate,organism:terse"],
    "thinking": [*ONE, "thinking_tokens=24"],
}
"""Parameters that keep each study small, beside `TINY`; `ONE` for a study that is not named."""


@pytest.mark.parametrize("name", sorted(studies()))
def test_study_runs_once_and_is_cached(name, tmp_path):
    pairs = [*TINY, *SMOKE.get(name, ONE)]
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
    if name == "battery":
        planned = plan_study(
            name, [*(p for p in pairs if not p.startswith("tokens=")), "tokens=0,3"], "organism", Store(tmp_path)
        )
        assert planned.to_run
        assert all("prefill-3" in step.name() for step in planned.to_run.values())


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
