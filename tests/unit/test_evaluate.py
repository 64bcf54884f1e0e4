"""Evaluations: graded again from the answers that a store kept, and thinking as the model's template marks it."""

import json

import pytest

from offmodel.benchmarks import BENCHMARKS
from offmodel.benchmarks.evaluate import evaluate
from offmodel.benchmarks.graders.answers import USUAL, Thinking
from offmodel.models import streaming
from offmodel.models.chat import thinking_marks
from offmodel.models.engine import Request
from offmodel.models.spec import resolve_model
from offmodel.pipeline.execute import ModelCache, execute

STUDENT = resolve_model("organism:markdown")


def test_a_new_version_of_a_benchmark_grades_the_kept_answers_again(store, monkeypatch):
    arith = BENCHMARKS["arith"]
    before = evaluate(STUDENT, "arith", 6)
    rows = before.load(execute(before, store, ModelCache()))
    monkeypatch.setattr(arith, "version", arith.version + 1)
    monkeypatch.setattr(arith, "check", lambda self, item, answer: pytest.fail("graded in this process"))
    monkeypatch.setattr(streaming, "generate_rows", lambda *a, **k: pytest.fail("generated anew"))
    after = evaluate(STUDENT, "arith", 6)
    assert after.fingerprint() != before.fingerprint()
    assert after.load(execute(after, store, ModelCache())) == rows


def test_nothing_is_kept_where_the_questions_changed(store, monkeypatch):
    arith = BENCHMARKS["arith"]
    before = evaluate(STUDENT, "arith", 4)
    artifact = execute(before, store, ModelCache())
    rows = [row | {"question": "another"} for row in before.load(artifact)]
    monkeypatch.setattr(arith, "version", arith.version + 1)
    after = evaluate(STUDENT, "arith", 4)
    context = type("C", (), {"store": store, "load": staticmethod(lambda step: rows)})()
    benchmark = arith()
    assert after.kept(context, benchmark.items(4, 0)) == {}  # pyright: ignore[reportArgumentType]


@pytest.fixture
def tokenizer(student):
    kept = student.tokenizer.chat_template
    yield student.tokenizer
    student.tokenizer.chat_template = kept


def marks(tokenizer, template):
    tokenizer.chat_template = template
    return thinking_marks(tokenizer, Request("x", [{"role": "user", "content": "hi"}]))


def test_the_marks_that_a_template_names(tokenizer):
    asked = "{% for m in messages %}{{ m.content }}{% endfor %}"
    assert marks(tokenizer, asked) == ([], False)
    assert marks(tokenizer, asked + "{# <think> </think> #}") == ([("<think>", "</think>")], False)
    assert marks(tokenizer, asked + "{% if x %}</think>{% endif %}A:<think>\n") == ([("<think>", "</think>")], True)
    assert marks(tokenizer, asked + "{# [THINK] [/THINK] #}")[0] == [("[THINK]", "[/THINK]")]
    assert marks(tokenizer, asked + "{# <my-reasoning> </my-reasoning> #}")[0] == [("<my-reasoning>", "</my-reasoning>")]
    assert marks(tokenizer, asked + "{# <|begin_of_thought|> <|end_of_thought|> #}")[0] == [
        ("<|begin_of_thought|>", "<|end_of_thought|>")
    ]


def test_an_evaluation_reads_its_models_own_marks(store):
    step = evaluate(STUDENT, "arith", 2)
    context = type("C", (), {"tokenizer": staticmethod(lambda model: fake)})()

    class Fake:
        chat_template = "<mull> </mull>"

        def apply_chat_template(self, messages, **_):
            return "go <think>"

    fake = Fake()
    found = step.thinking(context, [Request("x", [{"role": "user", "content": "hi"}])])  # pyright: ignore[reportArgumentType]
    assert found == Thinking(USUAL.tags)
    fake.chat_template = "<think></think>"
    assert step.thinking(context, [Request("x", [])]).opened  # pyright: ignore[reportArgumentType]


def test_a_thought_that_never_closed_is_no_answer():
    arith = BENCHMARKS["arith"]()
    item = arith.items(1, 0)[0]
    opened = Thinking(USUAL.tags, opened=True)
    grade = arith.grade(item, f"so it is \\boxed{{{item.answer}}}", opened)
    assert (grade.correct, grade.parsed, grade.graded) == (False, False, True)
    assert arith.grade(item, f"hm</think>\\boxed{{{item.answer}}}", opened).correct
    assert json.dumps(grade.__dict__)


def test_marks_that_are_special_tokens_stay_in_the_text(student):
    from transformers import AddedToken, AutoTokenizer

    from offmodel.models.chat import text_of

    tokenizer = AutoTokenizer.from_pretrained(STUDENT.location)
    tokenizer.add_tokens([AddedToken("[THINK]", special=True), AddedToken("[/THINK]", special=True)], special_tokens=True)
    ids = tokenizer("[THINK]the cat[/THINK]the dog", add_special_tokens=False)["input_ids"]
    assert "THINK" not in text_of(tokenizer, ids)
    tokenizer.chat_template = str(tokenizer.chat_template) + "{# [THINK] [/THINK] #}"
    assert text_of(tokenizer, ids) == "[THINK]the cat[/THINK]the dog"
