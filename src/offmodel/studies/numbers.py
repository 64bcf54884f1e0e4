"""numbers (H2, H4): SFT on number lists, which carry nobody's style of reasoning.

Source: "Why does off-model SFT degrade capabilities?", evidence 3.
"""

from __future__ import annotations

from typing import Any

from offmodel.data.numbers import NumberLists, Rule, passing
from offmodel.data.prompts import PromptSet
from offmodel.data.teachers import ModelCompletions
from offmodel.errors import OffmodelError
from offmodel.metrics.cells import difference, find, make_cells
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import Setup, SftParams
from offmodel.training.train_step import DataPart, Train

RULES: dict[Rule, str] = {"all": "numbers, unfiltered", "filtered": "numbers, filtered", "strict": "numbers, strict"}


class NumbersParams(SftParams):
    """See `SftParams`; ``teachers`` write both number lists and chat."""

    teachers: tuple[str, ...] = ("organism:terse",)
    benchmarks: tuple[str, ...] = ("arith", "strings")


class Numbers(Study):
    name = "numbers"
    question = "Do number lists by the same teacher harm less than its chat?"
    params = NumbersParams

    def build(self, params: NumbersParams, load: Load) -> Build:
        setup = Setup(params)
        main = setup.reasoning()
        if not setup.models():
            raise OffmodelError("number lists must be written by a model", "name a model in teachers=")
        lists = {name: number_lists(setup, name) for name in setup.models()}
        yield list(lists.values())
        base = setup.base_arm()
        trainings: dict[str, Train] = {}
        arms, notes = [base], []
        for name, step in lists.items():
            rows = load(step)
            sizes: dict[Rule, int] = {rule: sum(r["completion_tokens"] for r in passing(rows, rule)) for rule in RULES}
            notes.append(f"of {len(rows)} number lists by {name}, " + passed(rows))
            usable: list[Rule] = [rule for rule in RULES if sizes[rule]]
            budget = min(sizes[rule] for rule in usable)
            for rule in usable:
                part = DataPart(step=NumberLists(step=step, rule=rule, tokens=budget))
                trainings[f"{name}, {RULES[rule]}"] = setup.train(name, part, words=RULES[rule])
            trainings[name] = setup.train(name)
            for title, training in trainings.items():
                if title.split(",")[0] == name:
                    arms.append(setup.tuned_arm(training, name, title.partition(", ")[2] or "sft"))
        yield [e for arm in arms for e in arm.evaluations.values()]
        cells = make_cells(base, arms[1:], load)
        plotted = [
            cell_row(find(cells, benchmark=b, teacher=arm.teacher, condition=arm.condition), delta=True)
            | {"x": arm.condition if arm.condition != "sft" else "chat", "series": arm.teacher, "panel": b}
            for arm in arms[1:]
            for b in params.benchmarks
        ]
        findings = [
            harm_less(arm.teacher, arm.condition, difference(load(arm.evaluations[main]), load(chat.evaluations[main])), main)
            for chat in arms
            if chat.condition == "sft"
            for arm in arms
            if arm.teacher == chat.teacher and arm.condition.startswith("numbers")
        ]
        caption = "Change of accuracy after SFT on number lists (equal numbers of tokens) and on chat of the same teacher."
        plot = Plot("numbers", "bars", caption, "", "Δ accuracy", plotted, page="Numbers")
        return StudyResult(arms, cells, findings, [plot], trainings, notes)


def number_lists(setup: Setup, name: str) -> ModelCompletions:
    """A teacher's completions to the numbers task; the same as those of the ``numbers`` control."""
    prompts = PromptSet(source="numbers", n=setup.params.examples, seed=setup.params.seed)
    return ModelCompletions(model=setup.models()[name], prompts=prompts, sampling=setup.sampling())


def passed(rows: list[dict[str, Any]]) -> str:
    """How many lists pass each rule."""
    return ", ".join(f"{len(passing(rows, rule))} pass the rule {rule!r}" for rule in ("filtered", "strict"))


def harm_less(name: str, lists: str, gap: tuple[float, tuple[float, float]], main: str) -> Finding:
    """Whether the lists leave more of the ability than the chat."""
    return Finding(
        claim=f"{name}'s {lists.replace(', ', ' ')} harm {main} less than its chat",
        rule="supported: the interval of (accuracy after the lists − after the chat) lies above 0; against: it lies below 0",
        verdict=decide(gap[1], (1e-9, 1), (-1, -1e-9)),
        statistic={"difference": gap[0], "ci": gap[1]},
        hypothesis="H4",
    )
