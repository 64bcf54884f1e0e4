"""grpo: from a degraded student, does reinforcement learning bring reasoning back, and is the reward earned or hacked?

Source: "Why does off-model SFT degrade capabilities?", RL after SFT (inconsistent there); hard sets after 2605.28388.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydantic import Field

from offmodel.errors import OffmodelError
from offmodel.metrics.cells import correct, find, make_cells
from offmodel.metrics.paired import paired_delta
from offmodel.mitigations import get_mitigation
from offmodel.models.spec import ModelSpec
from offmodel.studies.base import SMALL, Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.mitigations import case_of
from offmodel.studies.setup import Setup, SftParams
from offmodel.training.train_step import Tuning

GAIN, HACK = 0.05, 0.2
"""Accuracy that counts as learned; rise of a signal that counts as a hacked reward."""


class GrpoParams(SftParams):
    """See `SftParams`.

    Attributes:
        sets: benchmarks to train on, each alone; the items evaluated on are held out.
        other: the set of another kind that shows what carries over.
        rl_steps, rows, group: of the training, see `GrpoMitigation`.
        rl_items: items trained on.
        own, chat: see `MitigationsParams`; no completion is used.
    """

    teachers: tuple[str, ...] = ("organism:terse",)
    benchmarks: tuple[str, ...] = ("arith", "arith_hard", "strings", "facts")
    sets: tuple[str, ...] = ("arith", "arith_hard")
    other: str = "strings"
    rl_steps: int = Field(default=24, gt=0)
    rows: int = Field(default=32, gt=1)
    group: int = Field(default=8, gt=1)
    rl_items: int = Field(default=200, gt=0)
    own: int = 1
    chat: int = 1


class GrpoStudy(Study):
    name = "grpo"
    question = "Does reinforcement learning bring back what off-model SFT took, and is its reward earned?"
    params = GrpoParams
    scales = {
        "organism": {},
        "small": SMALL | {"benchmarks": ("gsm8k", "math500", "mbpp"), "sets": ("gsm8k", "math500"), "other": "mbpp"},
    }

    def build(self, params: GrpoParams, load: Load) -> Build:
        setup = Setup(params)
        for name in params.sets:
            if name not in params.benchmarks:
                raise OffmodelError(
                    f"{name} is trained on and not evaluated", f"add {name} to benchmarks=, or drop it from sets="
                )
        base = setup.base_arm()
        tuned = {name: case_of(setup, name) for name in setup.off_model()}
        models: dict[tuple[str, str], ModelSpec] = {(name, "sft"): case.tuned for name, case in tuned.items()}
        for name, case in tuned.items():
            for chosen in params.sets:
                numbers = {"items": params.rl_items, "steps": params.rl_steps, "rows": params.rows, "group": params.group}
                method = get_mitigation("grpo", benchmark=chosen, skip=params.n, **numbers)
                models[name, f"grpo on {chosen}"] = method.apply(case)
        arms = {key: setup.arm(model, *key) for key, model in models.items()}
        yield [e for arm in (base, *arms.values()) for e in arm.evaluations.values()]
        cells = make_cells(base, list(arms.values()), load)
        findings: list[Finding] = []
        trainings: dict[str, Tuning] = {}
        for (name, condition), model in models.items():
            if condition == "sft" or not isinstance(model.adapter, Tuning):
                continue
            chosen = condition.removeprefix("grpo on ")
            before, after = arms[name, "sft"].evaluations, arms[name, condition].evaluations
            curve = load(model.adapter)["loss"]
            trainings[f"{name}, {condition}"] = model.adapter
            findings += [
                learned(name, chosen, where, load(before[where]), load(after[where]), curve)
                for where in dict.fromkeys((chosen, params.other))
                if where in after
            ]
            findings.append(hacked(name, chosen, signals(load(before[chosen])), signals(load(after[chosen]))))
        rows = [
            cell_row(find(cells, benchmark=b, teacher=name, condition=condition)) | {"x": b, "series": condition, "panel": name}
            for name, condition in models
            for b in params.benchmarks
        ]
        plot = Plot("grpo", "bars", "Accuracy on held-out items before and after, with 95 % intervals.", "", "accuracy", rows)
        return StudyResult([base, *arms.values()], cells, findings, [plot, rewards(trainings, load)], trainings)


def learned(name: str, chosen: str, where: str, before: list[Any], after: list[Any], curve: list[dict[str, float]]) -> Finding:
    """Whether held-out accuracy rises, on the set trained on or on another."""
    delta, (low, high) = paired_delta(correct(after), correct(before))
    constant = sum(row.get("constant_groups", 0.0) for row in curve) / len(curve)
    carried = "" if where == chosen else f", which is not what is rewarded: {where}"
    return Finding(
        claim=f"After {name}, GRPO on {chosen} teaches {where}"
        if not carried
        else f"After {name}, GRPO on {chosen} carries to {where}",
        rule=f"supported: the interval of the paired change lies at or above {GAIN:g}; against: below{carried}; "
        "`constant_groups` is the share of groups whose answers all got the same reward",
        verdict=decide((low, high), (GAIN, 1), (-1, GAIN - 1e-9)),
        statistic={"change": round(delta, 4), "ci": [round(low, 4), round(high, 4)], "constant_groups": round(constant, 3)},
    )


def signals(rows: list[dict[str, Any]]) -> dict[str, float]:
    """What a hacked reward would show in: one answer to everything, short answers, answers of the right form only."""
    said = Counter(str(row["extracted"]) for row in rows if row["parsed"])
    return {
        "repetition": said.most_common(1)[0][1] / len(rows) if said else 0.0,
        "tokens": sum(row["completion_tokens"] for row in rows) / len(rows),
        "format_only": sum(row["parsed"] and not row["correct"] for row in rows) / len(rows),
    }


def hacked(name: str, chosen: str, before: dict[str, float], after: dict[str, float]) -> Finding:
    """Whether the reward was earned without the reasoning."""
    rise = {key: after[key] - before[key] for key in ("repetition", "format_only")}
    collapsed = after["tokens"] < 0.5 * before["tokens"]
    shown = collapsed or max(rise.values()) >= HACK
    return Finding(
        claim=f"After {name}, GRPO on {chosen} hacks its reward",
        rule=f"supported: one answer to everything, or readable but wrong answers, become more common by {HACK:g}, or answers "
        "shrink to under half their tokens; against: none of it",
        verdict="supported" if shown else "against",
        statistic={
            f"{key}_{when}": round(value[key], 3) for key in before for when, value in (("before", before), ("after", after))
        },
    )


def rewards(trainings: dict[str, Tuning], load: Load) -> Plot:
    """Mean reward and the share of constant groups along training."""
    rows = [
        {"x": int(row["step"]), "y": row[key], "series": title, "panel": name}
        for name, step in trainings.items()
        for row in load(step)["loss"]
        for key, title in (("reward", "mean reward"), ("constant_groups", "groups of one reward"))
        if key in row
    ]
    return Plot(
        "rewards",
        "lines",
        "Reward, and the share of groups that taught nothing, at each step.",
        "step",
        "",
        rows,
        page="Training",
    )
