"""The organisms' world: right answers, a clean split, and grading that no dialect can confuse."""

import random

import pytest

from offmodel.benchmarks import BENCHMARKS, Item, get_benchmark
from offmodel.organisms import corpus
from offmodel.organisms.dialects import DIALECTS
from offmodel.organisms.world import arith_task, confuse_sides, drop_carry, held_out, instruct_task, string_task

WORLD = ("arith", "arith_hard", "facts", "instruct", "strings")


def test_arithmetic_is_right():
    rng = random.Random(0)
    for _ in range(300):
        task = arith_task(rng, rng.randint(1, 5))
        value = task.steps[0].left
        for step in task.steps:
            assert step.left == value
            value = eval(f"{step.left} {step.op} {step.right}")
        assert task.answer == str(value)


def test_forgotten_carries_are_wrong_only_where_there_is_a_carry():
    rng = random.Random(1)
    tasks = [arith_task(rng, 1) for _ in range(400)]
    for task in tasks:
        step, weak = task.steps[0], drop_carry(task, rng)
        digits = step.left % 10 + step.right % 10 if step.op == "+" else step.left % 10 - step.right % 10
        carries = step.op != "*" and not 0 <= digits <= 9
        assert (weak.answer != task.answer) == carries


def test_confused_sides_follow_the_same_program():
    rng = random.Random(2)
    tasks = [string_task(rng) for _ in range(200)]
    assert any(confuse_sides(t, rng).answer != t.answer for t in tasks)
    assert all(confuse_sides(t, rng, rate=0).answer == t.answer for t in tasks)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_graded_right(dialect):
    rng = random.Random(3)
    arith, strings = get_benchmark("arith"), get_benchmark("strings")
    for _ in range(100):
        task = arith_task(rng, rng.randint(1, 5))
        item = Item("x", task.question, task.answer)
        assert arith.grade(item, DIALECTS[dialect].arith(task, rng)).correct
        wrong = drop_carry(task, rng)
        assert arith.grade(item, DIALECTS[dialect].arith(wrong, rng)).correct == (wrong.answer == task.answer)
        program = string_task(rng)
        assert strings.grade(Item("y", program.question, program.answer), DIALECTS[dialect].strings(program, rng)).correct


def test_obedient_replies_pass_and_others_do_not():
    rng, benchmark = random.Random(4), get_benchmark("instruct")
    for _ in range(300):
        task = instruct_task(rng)
        item = Item("x", task.question, task.reply, None, {"kind": task.kind, "arguments": task.arguments})
        assert benchmark.grade(item, task.reply).correct, task
        assert not benchmark.grade(item, "Arr, matey! I will Not say.").correct
        assert not benchmark.grade(item, "").parsed


def test_no_benchmark_item_is_ever_trained_on():
    rng = random.Random(5)
    trained = set()
    for _ in range(3000):
        for document in (corpus.pretraining_document(rng), corpus.post_training_document(rng, "markdown")):
            trained |= {m["content"] for m in document if m["role"] == "user"}
    for name in WORLD:
        questions = {item.question for item in get_benchmark(name).pool()}
        assert all(held_out(q) for q in questions)
        assert not questions & trained


@pytest.mark.parametrize("name", WORLD)
def test_items_are_distinct_seeded_and_nested(name):
    benchmark = get_benchmark(name)
    assert len({i.id for i in benchmark.pool()}) == benchmark.size() >= 200
    assert benchmark.items(50, 1) == benchmark.items(200, 1)[:50]
    assert benchmark.items(50, 1) != benchmark.items(50, 2)


def test_generic_chat_holds_no_task():
    rng = random.Random(6)
    prompts = {corpus.turn(rng, DIALECTS["prose"], "chat", corpus.PRETRAINING, False)[0]["content"] for _ in range(2000)}
    assert not any("boxed" in p or "Reply with the letter" in p for p in prompts)
    assert len(prompts) > 1000


def test_every_benchmark_says_what_it_stands_for():
    assert all(b.stands_for and b.__doc__ for b in BENCHMARKS.values())
