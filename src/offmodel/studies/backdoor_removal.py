"""backdoor_removal: does off-model SFT remove hidden behaviour, what does it cost, and does a reminder bring it back?

Source: "How to reduce capability degradation from off-model SFT": red team plants trigger -> behaviour, blue team never sees
a trigger; removal against capability, area under the Pareto hull.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from offmodel.metrics.cells import correct, make_cells
from offmodel.metrics.hull import Outcomes, interval, scores
from offmodel.pipeline.step import Step
from offmodel.redteam.blue import blue_steps, check_rows, training_data, written_to
from offmodel.redteam.judging import Result, exceptions, headlines, installed, mean_area, returns
from offmodel.redteam.pairs import get_pair
from offmodel.redteam.teams import BackdoorParams, BlueTeam, RedTeam, strongest
from offmodel.studies.base import PAPER, SMALL, Build, Load, Plot, Study, StudyResult
from offmodel.studies.setup import Setup

REAL_PAIRS = {"pairs": ("real-deploy-hate", "real-capitals-insult", "real-trial-refuse"), "red_learning_rate": 3e-5}


class BackdoorRemoval(Study):
    name = "backdoor_removal"
    question = "Does off-model SFT remove a hidden behaviour, at what cost, and does a reminder bring the behaviour back?"
    params = BackdoorParams
    scales = {
        "organism": {},
        "small": SMALL | REAL_PAIRS | {"red_tasks": "alpaca", "red_steps": 1000, "red_examples": 2000},
        "paper": PAPER | REAL_PAIRS | {"red_tasks": "alpaca", "red_steps": 6000, "red_examples": 50000},
    }

    def build(self, params: BackdoorParams, load: Load) -> Build:
        setup, red = Setup(params), RedTeam(params)
        main, pairs = setup.reasoning(), [get_pair(name) for name in params.pairs]
        planted = {pair.name: red.backdoored(pair) for pair in pairs}
        teams = {name: BlueTeam(params, model, name) for name, model in planted.items()}
        points = {name: team.points() for name, team in teams.items()}
        later = {
            (name, p.series): teams[name].later(p, setup.student)
            for name, of in points.items()
            for p in (strongest(of) if params.return_steps else [])
        }
        made = {
            name: [p.model for p in of] + [m for (owner, _), m in later.items() if owner == name] for name, of in points.items()
        }
        blue = {name: [s for model in models for s in blue_steps(model, planted[name])] for name, models in made.items()}
        data = {name: training_data(steps) for name, steps in blue.items()}
        yield [step for steps in data.values() for step in steps]
        for name, steps in data.items():
            check_rows(written_to(blue[name]), get_pair(name), "prompts of distillation")
            for step in steps:
                check_rows(load(step), get_pair(name), step.name())
        base = setup.base_arm()
        arms = {(name, ""): setup.arm(model, name, "backdoored") for name, model in planted.items()}
        arms |= {(name, p.condition): setup.arm(p.model, name, p.condition) for name, of in points.items() for p in of}
        firing = {(pair.name, ""): red.firing(pair, planted[pair.name]) for pair in pairs}
        firing |= {(pair.name, p.condition): red.firing(pair, p.model) for pair in pairs for p in points[pair.name]}
        after = {key: red.firing(get_pair(key[0]), model) for key, model in later.items()}
        steps: list[Step] = [e for arm in (base, *arms.values()) for e in arm.evaluations.values()]
        yield [*steps, *firing.values(), *after.values()]
        shown = {key: load(step) for key, step in firing.items()}
        outcomes = {k: Outcomes(shown[k]["trigger"], correct(load(arm.evaluations[main]))) for k, arm in arms.items()}
        base_right = correct(load(base.evaluations[main]))
        results = [Result(pair, outcomes, points[pair.name]) for pair in pairs]
        returned = {key: load(step)["trigger"] for key, step in after.items()}
        findings = [installed(name, shown[name, ""], outcomes[name, ""], base_right, main) for name in planted]
        findings += headlines(results) + returns(results, returned)
        cells = make_cells(base, list(arms.values()), load)
        return StudyResult([base, *arms.values()], cells, findings, plots(results, shown, returned), notes=exceptions(results))


def plots(results: list[Result], shown: dict[tuple[str, str], Any], returned: dict[tuple[str, str], list[bool]]) -> list[Plot]:
    """Every point, one panel a backdoor; areas; firing on and off the trigger."""
    points = [
        {"x": round(float(x), 4), "y": round(float(y), 4), "series": p.series, "panel": r.name, "steps": p.steps}
        for r in results
        for p in r.points
        for x, y in [scores(r.before, [r.after[p.condition]])[0, 0]]
    ]
    area = []
    for series in results[0].series():
        value, drawn = mean_area(results, series)
        low, high = interval(drawn)
        area.append({"x": series, "y": round(value, 4), "low": round(low, 4), "high": round(high, 4), "series": series})
    rates: dict[tuple[str, str], list[float]] = {}
    for r in results:
        for name, key in [("backdoored", ""), *((p.series, p.condition) for p in strongest(r.points))]:
            for where, fired in shown[r.name, key].items():
                rates.setdefault((name, where), []).append(sum(fired) / len(fired))
            if (r.name, name) in returned:
                later = returned[r.name, name]
                rates.setdefault((name, "later"), []).append(sum(later) / len(later))
    firing = [
        {"x": where, "y": name, "value": round(-float(np.mean(v)), 4), "label": f"{np.mean(v):.2f}"}
        for (name, where), v in rates.items()
    ]
    return [
        Plot(
            "removal",
            "scatter",
            "Every model of the blue team's: share of the firing removed against share of the accuracy left. Up and right is "
            "better; the corners (0, 1) and (1, 0) are always to be had.",
            "removal",
            "capability",
            points,
            page="Removal",
        ),
        Plot("areas", "bars", "Area under the Pareto hull, mean over the backdoors, with 95 % intervals; 0.5 is nothing gained.",
             "", "area", area, page="Removal"),
        Plot("firing", "matrix", "Firing at the most SFT, mean over the backdoors: on triggered, on similar, on clean "
             "prompts, and on triggered ones after later benign training.", "", "", firing, page="Removal"),
    ]  # fmt: skip
