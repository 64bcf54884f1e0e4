"""The rule on selective loss, on cells made for it."""

import pytest

from offmodel.metrics.cells import Cell
from offmodel.studies.degradation import DegradationParams, selective_loss

PARAMS = DegradationParams(benchmarks=("arith", "facts"))


def cell(teacher: str, benchmark: str, accuracy: float, delta: float = 0.0, flags: tuple[str, ...] = ()) -> Cell:
    fields = {"level": None, "group": None, "measures": {}, "flags": list(flags)}
    condition = "base" if teacher == "none" else "sft"
    interval = (delta - 0.05, delta + 0.05)
    return Cell.model_construct(
        student="s",
        teacher=teacher,
        condition=condition,
        benchmark=benchmark,
        accuracy=accuracy,
        delta=delta,
        delta_ci=interval,
        **fields,
    )


@pytest.mark.parametrize(
    ("base", "delta", "facts", "flags", "verdict"),
    [
        (0.9, -0.5, 0.0, (), "supported"),
        (0.9, 0.0, 0.0, (), "against"),
        (0.14, -0.12, 0.0, (), "inconclusive"),  # the base has less to lose than the rule asks for
        (0.9, -0.5, -0.3, (), "inconclusive"),  # short answers fell as well
        (0.9, -0.5, 0.0, ("health_explains",), "inconclusive"),
    ],
)
def test_selective_loss(base, delta, facts, flags, verdict):
    cells = [cell("none", "arith", base), cell("none", "facts", 0.9)]
    cells += [cell("pirate", "arith", base + delta, delta, flags), cell("pirate", "facts", 0.9 + facts, facts)]
    assert [f.verdict for f in selective_loss(cells, PARAMS)] == [verdict]
