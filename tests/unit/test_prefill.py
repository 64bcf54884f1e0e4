"""The verdicts of the prefill study on rows made by hand."""

from types import SimpleNamespace

from offmodel.studies.prefill import PrefillParams, judge

PARAMS = PrefillParams(teachers=("organism:pirate",), control="organism:prose", tokens=(0, 8))


def rows(right, given=()):
    """Forty items, those below ``right`` answered, the answers of ``given`` in the tokens shown."""
    return [{"id": str(i), "correct": i < right, "given": i in given} for i in range(40)]


def arms(**evaluations):
    keys = {"plain": ("student", 0), "begun": ("student", 8), "other": ("control", 0), "other_begun": ("control", 8)}
    made = {(role, "pirate", k): SimpleNamespace(evaluations={"arith": evaluations[name]}) for name, (role, k) in keys.items()}
    return judge("pirate", made, SimpleNamespace(benchmark="arith", rows=rows(36)), PARAMS, load)


def load(evaluation):
    return evaluation.rows if isinstance(evaluation, SimpleNamespace) else evaluation


def test_student_and_control_are_compared_on_the_items_open_to_both():
    found = arms(plain=rows(4), begun=rows(34, given=(0, 1)), other=rows(4), other_begun=rows(6, given=(1, 2, 3)))
    recovery, comparison = found
    assert recovery.statistic["n"] == 38
    assert recovery.verdict == "supported"
    open_to_both = 36
    assert comparison.statistic["difference"] == round((30 - 2) / open_to_both, 4)
    assert comparison.verdict == "supported"


def test_a_control_that_gains_as_much_speaks_against():
    found = arms(plain=rows(4), begun=rows(8), other=rows(4), other_begun=rows(30))
    assert [f.verdict for f in found] == ["against", "against"]
