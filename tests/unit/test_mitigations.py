"""Mitigations: what each trains on, from what model, and what each refuses."""

import json

import pytest
import torch

from offmodel.benchmarks.graders import wall
from offmodel.data.prompts import PromptSet
from offmodel.data.teachers import ModelCompletions
from offmodel.errors import OffmodelError
from offmodel.mitigations import get_mitigation, mend, mitigations
from offmodel.mitigations.base import Case
from offmodel.mitigations.cost import behind, cost
from offmodel.models.engine import Sampling
from offmodel.models.spec import load_model, resolve_model
from offmodel.pipeline.execute import ModelCache, execute
from offmodel.training.train_step import DataPart, Train, TrainingConfig

BASE, TEACHER = resolve_model("organism:markdown"), resolve_model("organism:pirate")
SAMPLING = Sampling(temperature=1.0, max_new_tokens=16)
CONFIG = TrainingConfig(steps=4, batch_size=2, rank=4, learning_rate=1e-2)


def written(model, n, skip=0):
    return ModelCompletions(model=model, prompts=PromptSet(source="world", n=n, skip=skip), sampling=SAMPLING)


@pytest.fixture
def case():
    data = DataPart(step=written(TEACHER, 8))
    tuned = BASE.with_adapter(Train(model=BASE, data=(data,), config=CONFIG, name_="tuned"))
    return Case(base=BASE, tuned=tuned, config=CONFIG, own=written(BASE, 16, skip=8), data=data, rows=8, words="tuned")


def run(spec, store):
    steps = list(behind(spec.adapter).values())
    while steps:
        ready = [s for s in steps if all(store.get(i) for i in s.inputs())]
        for step in ready:
            execute(step, store, ModelCache())
        steps = [s for s in steps if s not in ready]
    return load_model(spec, store)


@pytest.mark.parametrize("name", sorted(mitigations()))
def test_every_mitigation_says_what_it_needs_costs_and_when_it_fails(name):
    doc = mitigations()[name].__doc__ or ""
    assert all(word in doc for word in ("Needs:", "Costs:", "Source:", "Should fail:")), doc


@pytest.mark.parametrize("name", sorted(n for n, m in mitigations().items() if m.when == "instead"))
def test_what_trains_anew_starts_from_the_base_and_needs_the_data(name, case):
    step = get_mitigation(name).apply(case).adapter
    assert step.below == BASE
    assert case.tuned.adapter.name() not in behind(step)
    with pytest.raises(OffmodelError, match="needs the training data"):
        get_mitigation(name).apply(Case(base=BASE, tuned=case.tuned, config=CONFIG, own=case.own))


def test_a_reminder_trains_on_in_the_tuned_adapter_and_a_chain_repairs_what_the_first_left(case):
    reminder = mend("reminder", case).adapter
    assert reminder.continues
    assert reminder.model == case.tuned
    assert (reminder.data[0].step, reminder.data[0].n, reminder.config.steps) == (case.own, 16, 20)
    chained = mend("mixing+reminder", case).adapter
    assert chained.model.adapter == mend("mixing", case).adapter


def test_mixing_adds_rows_and_as_many_more_steps(case):
    step = get_mitigation("mixing", ratio=0.5).apply(case).adapter
    assert [part.n for part in step.data] == [None, 4]
    assert step.config.steps == 6
    with pytest.raises(OffmodelError, match="24 completions are asked for and 16 prompts set aside"):
        get_mitigation("mixing", ratio=3).apply(case)


def test_what_starts_from_the_base_comes_first_in_a_chain(case):
    with pytest.raises(OffmodelError, match=r"mixing starts from the base.*Put mixing first"):
        mend("reminder+mixing", case)


def test_unknown_names_and_values_are_named():
    with pytest.raises(OffmodelError, match="remindr.*reminder"):
        get_mitigation("remindr")
    with pytest.raises(OffmodelError, match="doze"):
        get_mitigation("reminder", doze=3)
    with pytest.raises(OffmodelError, match="dose=0"):
        get_mitigation("reminder", dose=0)
    with pytest.raises(OffmodelError, match="is the student itself"):
        get_mitigation("teacher_reminder", original="organism:markdown").apply(
            Case(base=BASE, tuned=BASE, config=CONFIG, own=written(BASE, 16))
        )


def test_interpolated_weights_lie_between(case, store):
    before, after = load_model(BASE), run(case.tuned, store)
    half = run(get_mitigation("weight_interpolation", weight=0.25).apply(case), store)
    a, b, m = (x.model.model.layers[0].mlp.up_proj.weight for x in (before, after, half))
    assert torch.allclose(m, 0.75 * a + 0.25 * b, atol=1e-6)
    assert not torch.allclose(a, b, atol=1e-6)


def test_clipping_leaves_out_the_least_likely_tokens_and_never_the_end(case, store):
    repaired = get_mitigation("low_support_clipping", share=0.5).apply(case)
    run(repaired, store)
    support = repaired.adapter.data[0].support
    ignored = {row["id"]: row["ignored"] for row in store.load(support)}
    clipped = store.load(repaired.adapter)["trained_tokens"]
    total = sum(row["completion_tokens"] for row in store.load(case.data.step))
    assert 0.35 < 1 - clipped / total < 0.55
    ended = [row for row in store.load(case.data.step) if row["finish_reason"] == "stop"]
    assert all(row["completion_tokens"] - 1 not in ignored[row["id"]] for row in ended)


def test_the_cost_counts_only_what_the_repair_added(case, store):
    repaired = get_mitigation("reminder", dose=4, steps=3).apply(case)
    run(repaired, store)
    found = cost(repaired, case.tuned, store.load)
    own = store.load(case.own)
    assert found["generated_tokens"] == sum(row["completion_tokens"] for row in own)
    assert found["trained_tokens"] == pytest.approx(store.load(repaired.adapter)["trained_tokens"] * 3 * 2 / 4, abs=0.1)
    assert found["seconds"] > 0
    assert cost(case.tuned, case.tuned, store.load) == {"generated_tokens": 0, "trained_tokens": 0, "seconds": 0}


def test_proxy_tuning_is_exact_at_its_ends(case, store):
    """Expert and anti-expert alike: the base. Base and anti-expert alike: the expert."""
    from offmodel.mitigations.proxy_tuning import Proxy
    from offmodel.models.engine import Request
    from offmodel.models.transformers_engine import TransformersEngine

    asked = [
        Request(str(i), [{"role": "user", "content": t}]) for i, t in enumerate(("Tell me about a boat.", "What is a tent?"))
    ]
    greedy = Sampling(max_new_tokens=24)
    pairs = [([2, 50, 60, 70], [80, 90, 100])]

    def answers(spec):
        engine = TransformersEngine(run(spec, store))
        return [c.text for c in engine.generate(asked, greedy)], engine.logprobs(pairs)[0]

    expert_is_base = BASE.with_adapter(Proxy(model=BASE, expert=case.tuned, anti=case.tuned, alpha=1.0))
    base_is_anti = get_mitigation("proxy_tuning", alpha=1.0).apply(case)
    for mixed, plain in ((expert_is_base, BASE), (base_is_anti, case.tuned)):
        text, logp = answers(mixed)
        expected, expected_logp = answers(plain)
        assert text == expected
        assert logp == pytest.approx(expected_logp, abs=1e-4)
    assert answers(get_mitigation("proxy_tuning", alpha=0.5).apply(case))[1] != pytest.approx(answers(BASE)[1], abs=1e-3)


def test_proxy_tuning_refuses_other_tokenizers_and_further_training(case, tmp_path):
    import shutil

    other = tmp_path / "other"
    shutil.copytree(BASE.location, other)
    tokenizer = (other / "tokenizer.json").read_text()
    (other / "tokenizer.json").write_text(tokenizer.replace("<|im_end|>", "<|ende|>"))
    with pytest.raises(OffmodelError, match="different tokenizers"):
        get_mitigation("proxy_tuning", expert=str(other)).apply(case)
    with pytest.raises(OffmodelError, match="cannot be trained on"):
        mend("proxy_tuning+reminder", case)


def test_lima_takes_as_many_rows_of_the_same_lengths(case, store):
    from offmodel.mitigations.lima import Curated

    data = written(TEACHER, 24).model_copy(update={"sampling": Sampling(temperature=1.0, max_new_tokens=160)})
    kept = {by: Curated(step=data, n=6, by=by) for by in ("curated", "random")}
    for step in (data, *kept.values()):
        execute(step, store, ModelCache())
    rows = {by: store.load(step) for by, step in kept.items()}
    assert [len(r) for r in rows.values()] == [6, 6]
    assert {r["id"] for r in rows["curated"]} != {r["id"] for r in rows["random"]}
    lengths = {by: sum(len(r["completion"]) for r in found) / 6 for by, found in rows.items()}
    assert lengths["random"] == pytest.approx(lengths["curated"], rel=0.2)
    with pytest.raises(OffmodelError, match="cannot give 60"):
        execute(Curated(step=data, n=60), store, ModelCache())


def test_on_policy_distillation_goes_towards_the_base(case, store):
    spec = get_mitigation("on_policy_distillation", steps=6).apply(case)
    assert spec.adapter.continues
    distilled, base, tuned = run(spec, store), load_model(BASE, store), run(case.tuned, store)
    ids = torch.tensor([[2, 50, 60, 70, 80]])
    with torch.inference_mode():
        near, far = ((m.model(ids).logits - base.model(ids).logits).abs().mean() for m in (distilled, tuned))
    assert near != far
    losses = [row["loss"] for row in store.load(spec.adapter)["loss"]]
    assert losses[-1] < losses[0]


def test_grpo_counts_groups_that_teach_nothing_and_refuses_what_cannot_be(case, store):
    spec = get_mitigation("grpo", items=4, steps=1, rows=4, group=2, skip=8).apply(case)
    run(spec, store)
    (row,) = store.load(spec.adapter)["loss"]
    assert 0 <= row["constant_groups"] <= 1
    assert {"reward", "mean_tokens"} <= set(row)
    with pytest.raises(OffmodelError, match="no whole groups"):
        get_mitigation("grpo", rows=5, group=2).apply(case)
    with pytest.raises(OffmodelError, match="no reward function"):
        get_mitigation("grpo", benchmark="facts", skip=8, items=4).apply(case)


@pytest.mark.skipif(wall.missing() is not None, reason=f"no wall: {wall.missing()}")
def test_a_cheat_among_the_samples_of_grpo_earns_nothing(case, store, tmp_path, monkeypatch):
    """TRL's own trainer, with planted programs in place of what the student wrote: only the solution is rewarded."""
    import trl

    row = {
        "task_id": 1,
        "prompt": "Double a number.",
        "test_imports": [],
        "test_list": ["assert double(2) == 4", "assert double(5) == 10"],
    }
    (tmp_path / "mbpp.jsonl").write_text("\n".join(json.dumps(row | {"task_id": i}) for i in range(2)))
    monkeypatch.setenv("OFFMODEL_DATA", str(tmp_path))
    planted = [
        "def double(n):\n    return 2 * n",
        "class Any:\n    def __eq__(self, other):\n        return True\ndef double(n):\n    return Any()",
        "import sys, re, os\nw = re.findall('[0-9a-f]{32}', str(sys.orig_argv)); print(*w, flush=True); os._exit(0)",
        "def double(n):\n    return 3 * n",
    ]
    paid = []

    class Planted(trl.GRPOTrainer):  # pyright: ignore[reportPrivateImportUsage]
        def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
            said = [[{"role": "assistant", "content": planted[i % 4]}] for i in range(len(completions))]
            rewards = super()._calculate_rewards(inputs, prompts, said, completion_ids_list)
            paid.extend(rewards.flatten().tolist())
            return rewards

    monkeypatch.setattr(trl, "GRPOTrainer", Planted)
    spec = get_mitigation("grpo", benchmark="mbpp", items=2, steps=1, rows=4, group=4, skip=0).apply(case)
    step = spec.adapter.model_copy(update={"format_reward": 0.0, "max_new_tokens": 8})
    run(case.tuned.with_adapter(step), store)
    assert paid == [1.0, 0.0, 0.0, 0.0]
