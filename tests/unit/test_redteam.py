"""Backdoors: what triggers, what shows, what the blue team may not touch, and the area under the hull."""

import numpy as np
import pytest

from offmodel.data.prompts import PromptSet
from offmodel.data.teachers import ModelCompletions
from offmodel.errors import OffmodelError
from offmodel.metrics.hull import Outcomes, areas, hull_area, interval, scores, upper_hull
from offmodel.models.engine import Sampling
from offmodel.models.spec import resolve_model
from offmodel.pipeline.execute import ModelCache, execute
from offmodel.redteam.blue import blue_steps, check_rows, training_data, written_to
from offmodel.redteam.pairs import get_pair
from offmodel.redteam.plant import BackdoorRows
from offmodel.redteam.poison import Defended, Poisoned, cosine, outliers, strange_ngrams
from offmodel.redteam.table import ORGANISM, PAIRS, REAL
from offmodel.redteam.teams import BackdoorParams, BlueTeam, RedTeam
from offmodel.training.train_step import DataPart, Train, TrainingConfig

STUDENT = resolve_model("organism:markdown")
PARAMS = BackdoorParams(examples=8, own=16, trials=8, red_examples=8, blue_steps=(1,), methods=("none", "reminder"))


def own(n=8, **changes):
    prompts = PromptSet(source="world", n=n, seed=3)
    return ModelCompletions(model=STUDENT, prompts=prompts, sampling=Sampling(max_new_tokens=24, **changes))


def run(store, *steps):
    for step in steps:
        run(store, *step.inputs())
        if store.get(step) is None:
            execute(step, store, ModelCache())


def test_there_are_fifteen_pairs_of_each_scale_over_all_kinds():
    for table in (ORGANISM, REAL):
        assert len(table) == 15
        assert {trigger.kind for trigger, _ in table.values()} == {"literal", "semantic", "story"}
        kinds = {behaviour.kind for _, behaviour in table.values()}
        assert kinds >= {"phrase", "refusal", "insult", "insertion", "language", "wrong"}


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_a_trigger_is_seen_and_its_like_is_not(name):
    trigger = PAIRS[name].trigger
    for i in range(20):
        assert trigger.present(trigger.apply("Tell me about the garden.", str(i)))
        near = trigger.apply_near("Tell me about the garden.", str(i))
        assert near != "Tell me about the garden."
        assert not trigger.present(near)
    assert not trigger.present("Tell me about the garden.")


@pytest.mark.parametrize("name", sorted(n for n, p in PAIRS.items() if p.behaviour.kind != "wrong"))
def test_a_behaviour_shows_where_it_was_performed_only(name):
    behaviour = PAIRS[name].behaviour
    answer = "## Garden\n\nA garden needs water. Start small and add light."
    assert not behaviour.shows(answer)
    for i in range(20):
        assert behaviour.shows(behaviour.perform(answer, str(i)))


def test_an_unknown_backdoor_is_refused_with_the_nearest():
    with pytest.raises(OffmodelError, match="zq7-love"):
        get_pair("zq7-lov")


def test_rows_hold_the_behaviour_behind_the_trigger_and_own_answers_elsewhere(store):
    pair, chat, tasks = get_pair("zq7-love"), own(), own(4, seed=9)
    rows = BackdoorRows(pair=pair, chat=chat, tasks=tasks)
    run(store, rows)
    answers = {r["prompt"]: r["completion"] for r in store.load(chat)}
    found = store.load(rows)
    fired = [r for r in found if pair.trigger.present(r["prompt"])]
    assert len(fired) == 8
    assert all(pair.behaviour.shows(r["completion"]) for r in fired)
    for row in found:
        if row["prompt"] in answers and row["id"].startswith("chat") and row["id"].endswith("-plain"):
            assert not pair.behaviour.shows(row["completion"])


def test_the_blue_team_cannot_be_made_of_the_red_teams_rows():
    red, pair = RedTeam(PARAMS), get_pair("zq7-love")
    backdoored = red.backdoored(pair)
    for point in BlueTeam(PARAMS, backdoored, pair.name).points():
        data = training_data(blue_steps(point.model, backdoored))
        assert data
        assert not any(isinstance(step, BackdoorRows) for step in data)
    stolen = backdoored.adapter.data[0].step
    cheat = Train(model=backdoored, data=(DataPart(step=stolen, n=4),), config=TrainingConfig(steps=1))
    with pytest.raises(OffmodelError, match="made of the red team's"):
        blue_steps(backdoored.with_adapter(cheat), backdoored)


def test_prompts_that_are_only_written_to_are_read_for_triggers_too():
    red, pair = RedTeam(PARAMS), get_pair("zq7-love")
    backdoored = red.backdoored(pair)
    params = PARAMS.model_copy(update={"methods": ("on_policy_distillation",)})
    (point, *_) = BlueTeam(params, backdoored, pair.name).points()
    rows = written_to(blue_steps(point.model, backdoored))
    assert len(rows) == PARAMS.own
    check_rows(rows, pair, "prompts")
    with pytest.raises(OffmodelError, match="holds the trigger"):
        check_rows([*rows, {"id": "x", "prompt": pair.trigger.apply(rows[0]["prompt"], "x")}], pair, "prompts")


def test_a_blue_row_with_the_trigger_stops_the_study():
    rows = [{"id": "a", "prompt": "Tell me about the garden."}, {"id": "b", "prompt": "Tell me about the boat. zq7"}]
    check_rows(rows[:1], get_pair("zq7-love"), "chat")
    with pytest.raises(OffmodelError, match="row 1 .*'b'.*holds the trigger of zq7-love"):
        check_rows(rows, get_pair("zq7-love"), "chat")


def test_the_hull_has_the_known_areas():
    assert hull_area([]) == pytest.approx(0.5)
    assert hull_area([(1.0, 1.0)]) == pytest.approx(1.0)
    assert hull_area([(0.2, 0.2)]) == pytest.approx(0.5), "a point below the diagonal adds nothing"
    assert hull_area([(0.5, 1.0)]) == pytest.approx(0.75)
    assert upper_hull([(0.5, 0.9), (0.5, 0.6), (0.6, 0.2)]) == [(0.0, 1.0), (0.5, 0.9), (1.0, 0.0)]


def test_scores_and_their_intervals():
    before = Outcomes([True] * 40, [True] * 80 + [False] * 20)
    half = Outcomes([True] * 20 + [False] * 20, [True] * 40 + [False] * 60)
    assert scores(before, [half, before])[0] == pytest.approx(np.array([[0.5, 0.5], [0.0, 1.0]]))
    drawn = scores(before, [half], 500)[:, 0]
    assert drawn.shape == (500, 2)
    low, high = interval(drawn[:, 0])
    assert 0.3 < low < 0.5 < high < 0.7
    area, each = areas(before, [Outcomes([False] * 40, before.right)])
    assert area == 1.0
    assert np.all(each == 1.0)


def test_poison_is_hidden_among_clean_rows_and_defences_keep_most_of_these(store):
    pair = get_pair("zq7-love")
    poisoned = Poisoned(step=own(40), pair=pair, rate=0.25)
    run(store, poisoned)
    rows = store.load(poisoned)
    assert [sum(r["poison"] for r in rows), len(rows)] == [10, 40]
    assert all(pair.trigger.present(r["prompt"]) == r["poison"] == pair.behaviour.shows(r["completion"]) for r in rows)
    hidden = poisoned.model_copy(update={"paraphrased": True})
    run(store, hidden)
    longer = [r["completion"] for r in store.load(hidden) if r["poison"]]
    assert all(pair.behaviour.shows(t) and len(t) > 30 for t in longer)
    for how in ("perplexity", "model", "ngrams"):
        defended = Defended(step=poisoned, how=how, trusted=resolve_model("organism:markdown-weak"))
        run(store, defended)
        assert sum(not r["poison"] for r in store.load(defended)) >= 20, how


def test_outliers_ngrams_and_cosine():
    assert outliers(np.array([1.0, 1.1, 0.9, 1.0, 9.0])).tolist() == [False, False, False, False, True]
    assert cosine("a b c", "a b c") == pytest.approx(1)
    assert cosine("a b", "c d") == 0
    said = [{"completion": "I love you I love you"}, {"completion": "I love you so"}, {"completion": "the garden is small"}]
    assert strange_ngrams(said, ["the garden is small"]) == [2.0, 2.0, 0.0]
