"""Thinking before answering: two budgets, four kinds of trace, and only the answer is graded."""

import pytest

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.evaluate import evaluate
from offmodel.benchmarks.health import trace_rates
from offmodel.errors import OffmodelError
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import resolve_model
from offmodel.models.thinking import THOUGHTS, think_and_answer
from offmodel.pipeline.execute import ModelCache, execute

STUDENT = resolve_model("organism:markdown")


def test_a_stop_string_that_is_a_token_ends_the_text(engine):
    benchmark = get_benchmark("arith")
    asked = [Request(i.id, benchmark.messages(i), thinking=True) for i in benchmark.items(8, 0)]
    done = engine.generate(asked, Sampling(max_new_tokens=160, stop=("</think>",)))
    stopped = [c for c in done if c.stopped_by == "</think>"]
    assert len(stopped) >= 4
    assert all(c.text.strip() and "</think>" not in c.text and "boxed{" in c.text for c in stopped)
    assert all(c.stopped_by == "" for c in engine.generate(asked, Sampling(max_new_tokens=160)))


def test_the_organism_thinks_and_then_answers(store):
    step = evaluate(STUDENT, "arith", 24, thinking_tokens=160)
    rows = step.load(execute(step, store, ModelCache()))
    valid = [row for row in rows if row["trace"] == "valid"]
    assert {row["trace"] for row in rows} <= {"valid", "missing"}
    assert len(valid) >= 12
    assert sum(row["correct"] for row in valid) >= 0.9 * len(valid)
    assert all(row["completion"].strip().startswith("\\boxed{") for row in valid)
    assert all("Step 1" in row["reasoning"] for row in valid)
    assert all(row["completion_tokens"] > row["reasoning_tokens"] > 0 for row in valid)
    assert trace_rates(rows)["trace_valid"] == len(valid) / 24


def test_a_thought_that_is_too_long_is_closed_and_answered(store):
    step = evaluate(STUDENT, "arith", 12, budget=40, thinking_tokens=6)
    rows = step.load(execute(step, store, ModelCache()))
    rates = trace_rates(rows)
    assert rates["trace_truncated"] == 1.0
    assert "accuracy_valid_trace" not in rates
    assert all(row["reasoning_tokens"] == 6 for row in rows)
    assert all(row["completion"] for row in rows)


def rows_of(thought, **answer):
    """What becomes of one canned thought and answer."""

    def generate(requests, sampling, file=""):
        return {r.id: dict(thought if file == THOUGHTS else answer) for r in requests}

    return think_and_answer(generate, [Request("a", [])], Sampling(), 9)["a"]


@pytest.mark.parametrize(
    ("thought", "trace", "reasoning"),
    [
        ({"completion": "<think>\nSo.\n", "finish_reason": "stop", "stopped_by": "</think>"}, "valid", "So."),
        ({"completion": "<think>\n\n", "finish_reason": "stop", "stopped_by": "</think>"}, "empty", ""),
        ({"completion": "Straight to it.", "finish_reason": "stop"}, "missing", ""),
        ({"completion": "On and on", "finish_reason": "length"}, "truncated", "On and on"),
    ],
)
def test_four_kinds_of_trace(thought, trace, reasoning):
    thought |= {"prompt_tokens": 5, "completion_tokens": 9}
    row = rows_of(thought, completion="42", finish_reason="stop", prompt_tokens=14, completion_tokens=2)
    assert (row["trace"], row["reasoning"]) == (trace, reasoning)
    assert row["completion"] == ("Straight to it." if trace == "missing" else "42")
    assert row["prompt_tokens"] == 5


def test_a_model_without_thinking_mode_is_named(store, tmp_path):
    import shutil

    shutil.copytree(STUDENT.location, tmp_path / "plain")
    template = tmp_path / "plain" / "chat_template.jinja"
    template.write_text(template.read_text().replace("enable_thinking", "never"))
    step = evaluate(resolve_model(str(tmp_path / "plain"), "float32"), "arith", 2, thinking_tokens=8)
    with pytest.raises(OffmodelError, match="plain has no thinking mode"):
        execute(step, store, ModelCache())
