"""modes (H3): is the damage confined to the context it was trained in?

Source: "Why does off-model SFT degrade capabilities?", hypothesis 3 and appendix 3. Half of the data is the
base's own, marked as mode A in the system prompt, half the teacher's, marked as mode B (inferred: the post's
table of the mix is missing).
"""

from __future__ import annotations

from pydantic import Field

from offmodel.metrics.cells import Arm, difference, find, make_cells
from offmodel.studies.base import Build, Finding, Load, Plot, Study, StudyResult, cell_row, decide
from offmodel.studies.setup import Setup, SftParams
from offmodel.training.train_step import DataPart, Train

MODES: dict[str, str | None] = {"A": "<mode>A</mode>", "B": "<mode>B</mode>", "neither": None}
METHODS = {"lora": "", "full": " full-weight"}


class ModesParams(SftParams):
    """See `SftParams`.

    Attributes:
        methods: of training, ``lora`` and ``full``.
        full_learning_rate: of full-weight training.
        mode_steps: optimiser steps on the mix; None takes twice ``steps``, so that each half is seen as often
            as in ordinary training.
        mode_margin: mode A this close to the base counts as unharmed.
    """

    teachers: tuple[str, ...] = ("organism:pirate",)
    benchmarks: tuple[str, ...] = ("arith",)
    methods: tuple[str, ...] = ("lora", "full")
    full_learning_rate: float = Field(default=3e-4, gt=0)
    mode_steps: int | None = Field(default=None, gt=0)
    mode_margin: float = Field(default=0.1, gt=0)


class Modes(Study):
    name = "modes"
    question = "Does training that is half own and half the teacher's, marked apart, harm only the teacher's half?"
    params = ModesParams

    def build(self, params: ModesParams, load: Load) -> Build:
        setup = Setup(params)
        main = setup.reasoning()
        bases = {mode: setup.base_arm(system=system) for mode, system in MODES.items()}
        trainings: dict[str, Train] = {}
        arms: dict[tuple[str, str, str], Arm] = {}
        for name in setup.off_model():
            for method in params.methods:
                step = mixed(setup, name, method)
                trainings[f"{name}, modes{METHODS[method]}"] = step
                for mode, system in MODES.items():
                    arms[name, method, mode] = setup.tuned_arm(step, name, f"mode {mode}{METHODS[method]}", system=system)
                plain = setup.train(name, words=METHODS[method].strip(), **changes(params, method))
                arms[name, method, "plain"] = setup.tuned_arm(plain, name, "sft" + METHODS[method])
        yield [e for arm in [*bases.values(), *arms.values()] for e in arm.evaluations.values()]
        cells = make_cells(bases["neither"], list(arms.values()), load)
        rows = [
            cell_row(find(cells, benchmark=b, teacher=name, condition=arm.condition), delta=True)
            | {"x": f"{name}{METHODS[method]}", "series": "ordinary SFT" if mode == "plain" else f"mode {mode}", "panel": b}
            for (name, method, mode), arm in arms.items()
            for b in params.benchmarks
        ]
        findings = [
            confined(arms, name, method, main, params.mode_margin, load, bases)
            for name in setup.off_model()
            for method in params.methods
        ]
        caption = "Change of accuracy after SFT marked by mode, evaluated under each mark, against ordinary SFT."
        plot = Plot("modes", "bars", caption, "", "Δ accuracy", rows, page="Modes")
        return StudyResult([bases["neither"], *arms.values()], cells, findings, [plot], trainings)


def changes(params: ModesParams, method: str) -> dict:
    """How training by a method differs from the parameters."""
    return {"method": "full", "learning_rate": params.full_learning_rate} if method == "full" else {"method": "lora"}


def mixed(setup: Setup, name: str, method: str) -> Train:
    """Training on both halves of the prompts: answered by the base in mode A and by the teacher in mode B."""
    params: ModesParams = setup.params  # pyright: ignore[reportAssignmentType]
    half = params.examples // 2
    own = DataPart(step=setup.own(params.examples), n=half, system=MODES["A"])
    other = setup.data(name).model_copy(update={"skip": half, "n": params.examples - half, "system": MODES["B"]})
    steps = params.mode_steps or 2 * params.steps
    return setup.train(name, own, other, words=f"modes{METHODS[method]}", steps=steps, **changes(params, method))


def confined(
    arms: dict[tuple[str, str, str], Arm],
    name: str,
    method: str,
    main: str,
    margin: float,
    load: Load,
    bases: dict[str, Arm],
) -> Finding:
    """Mode A is as good as the base and better than mode B."""
    rows = {mode: load(arms[name, method, mode].evaluations[main]) for mode in MODES}
    kept = difference(rows["A"], load(bases["A"].evaluations[main]))
    apart = difference(rows["A"], rows["B"])
    lost = difference(rows["B"], load(bases["B"].evaluations[main]))
    fell = lost[1][1] < 0
    confined = kept[1][0] >= -margin and apart[1][0] > 0
    everywhere = decide(kept[1], (-margin, 1), (-1, -margin)) == "against"
    return Finding(
        claim=f"After {name}{METHODS[method]}, {main} is lost in mode B and kept in mode A",
        rule=f"supported: mode B falls below the base, mode A stays above −{margin:g} and above mode B, each by its interval; "
        f"against: the interval of mode A lies below −{margin:g}; else inconclusive",
        verdict="supported" if fell and confined else "against" if everywhere else "inconclusive",
        statistic={"A": kept[0], "A_ci": kept[1], "B": lost[0], "B_ci": lost[1], "A_minus_B": apart[0], "A_minus_B_ci": apart[1]},
        hypothesis="H3",
        speaks="against",
    )
