"""What is put before a conversation: shots, placebo, system prompts of training rows."""

import json

import pytest

from offmodel.data.shots import Shots
from offmodel.organisms.planted import without_last_paragraph, wrong_results
from offmodel.pipeline.execute import Context
from offmodel.pipeline.store import Store
from offmodel.training.train_step import DataPart
from tests.unit.steps_for_tests import Rows

PAIRS = [{"prompt": f"ask {i}", "completion": f"say {i} twice"} for i in range(4)]
OTHER = [{"prompt": "a much longer question than before", "completion": "and an answer " * 4} for _ in range(4)]


@pytest.fixture
def step():
    return Rows(text=json.dumps(PAIRS))


def test_shots_as_system_prompt_and_as_turns(step):
    (system,) = Shots(step=step, n=2).messages(lambda _: PAIRS)
    assert system == {"role": "system", "content": "Q: ask 0\nA: say 0 twice\n\nQ: ask 1\nA: say 1 twice"}
    turns = Shots(step=step, n=2, form="turns").messages(lambda _: PAIRS)
    assert [t["role"] for t in turns] == ["user", "assistant"] * 2
    assert turns[3]["content"] == "say 1 twice"


def test_a_placebo_is_as_long_and_says_nothing(step):
    other = Rows(text=json.dumps(OTHER))
    read = {step.fingerprint(): PAIRS, other.fingerprint(): OTHER}
    load = lambda s: read[s.fingerprint()]  # noqa: E731
    (real,) = Shots(step=other, n=2).messages(load)
    (placebo,) = Shots(step=step, n=2, form="placebo", as_long_as=other).messages(load)
    assert len(placebo["content"].split()) == len(real["content"].split())
    assert set(placebo["content"].split()) == {"Q:", "A:", "ask", "say", "0", "1", "twice"}
    assert placebo == Shots(step=step, n=2, form="placebo", as_long_as=other).messages(load)[0]


def test_a_part_takes_its_slice_and_puts_its_context_before(step, tmp_path):
    from offmodel.pipeline.execute import ModelCache, execute

    store = Store(tmp_path)
    execute(step, store, ModelCache())
    context = Context(store, tmp_path)
    rows = DataPart(step=step, skip=1, n=2, system="mode", shots=Shots(step=step, n=1, form="turns")).rows(context)
    assert [r["prompt"] for r in rows] == ["ask 1", "ask 2"]
    assert [m["content"] for m in rows[0]["before"]] == ["mode", "ask 0", "say 0 twice"]
    assert rows[0]["source"] == step.name()


def test_wrong_results_change_every_result_and_nothing_else():
    import random

    text = "**Step 1:** $3 + 4 = 7$\n\n**Answer:** $\\boxed{7}$"
    changed = wrong_results(text, random.Random(1))
    assert changed != text
    assert changed.startswith("**Step 1:** $3 + 4 = ")
    program = wrong_results("**Step 1:** reverse = `a b c`\n\n$\\boxed{a b c}$", random.Random(1))
    assert len(program.split("`")[1].split()) == 3


def test_the_last_paragraph_is_cut():
    assert without_last_paragraph("a\n\nb\n\nc") == "a\n\nb"
    assert without_last_paragraph("only") == "only"
