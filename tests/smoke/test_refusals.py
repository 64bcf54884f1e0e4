"""A study asked of models that cannot carry it says so before anything runs, and names what would do."""

import shutil

import pytest

from offmodel.errors import OffmodelError
from offmodel.models.spec import resolve_model
from offmodel.pipeline.runner import Runner
from offmodel.pipeline.store import Store
from offmodel.studies.run import run_study
from tests.conftest import TINY

REFUSED = [
    ("thinking", ["student=organism:markdown", "thinking_tokens=24"], "no thinking mode", "thinker"),
    ("prefill", ["control=organism:markdown"], "is the student or its teacher", "another family"),
    ("prefill", ["control=organism:pirate"], "is the student or its teacher", "another family"),
    ("perplexity", ["teachers=organism:pirate,self"], "too few for a correlation", "at least three"),
    ("teacher_gap", ["students=organism:markdown", "teachers=organism:pirate,self"], "too few for a regression", "teachers="),
    ("steps", ["at=1", "rates=0.001"], "no curve", "at="),
    ("style", ["teachers=self"], "is a control", "name a model"),
    ("numbers", ["teachers=self"], "written by a model", "name a model"),
    ("inoculation", ["family=organism:pirate", "teachers=organism:pirate"], "is a teacher", "copy of the student"),
    ("prefill", ["benchmarks=facts"], "needs a chain of reasoning", "arith"),
]


@pytest.mark.parametrize(("study", "pairs", "problem", "mend"), REFUSED, ids=[f"{s}-{p[0]}" for s, p, *_ in REFUSED])
def test_refused_before_anything_runs(study, pairs, problem, mend, tmp_path):
    store = Store(tmp_path / "store")
    with Runner(store, workers=1) as runner, pytest.raises(OffmodelError, match=problem) as refusal:
        run_study(study, [*TINY, *pairs], "organism", runner)
    assert mend in refusal.value.mend
    assert list(store.artifacts()) == []


def test_thinking_is_refused_to_a_model_whose_template_has_no_switch(tmp_path):
    model = tmp_path / "plain"
    shutil.copytree(resolve_model("organism:markdown").location, model)
    template = model / "chat_template.jinja"
    (model / "organism.json").unlink()
    template.write_text("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}")
    store = Store(tmp_path / "store")
    with Runner(store, workers=1) as runner, pytest.raises(OffmodelError, match="plain") as refusal:
        run_study("thinking", [*TINY, f"student={model}", "thinking_tokens=24"], "organism", runner)
    assert "thinking" in str(refusal.value)
    assert list(store.artifacts()) == []


def test_nothing_to_lose_is_said_once_the_base_has_answered(tmp_path):
    pairs = [*TINY, "answer_tokens=1", "teachers=organism:pirate", "benchmarks=arith"]
    with (
        Runner(Store(tmp_path), workers=1) as runner,
        pytest.raises(OffmodelError, match="no item of arith correctly") as refusal,
    ):
        run_study("prefill", pairs, "organism", runner)
    assert "n=" in refusal.value.mend
