"""Studies built together: what one refuses is no loss to the others."""

from offmodel.errors import OffmodelError
from offmodel.studies.base import StudyResult
from offmodel.studies.combine import combined, together


def study(*waits, refuses_at=None):
    """A build that waits for steps and may refuse after that many waits."""
    for number, steps in enumerate(waits):
        if number == refuses_at:
            raise OffmodelError("these models cannot carry it", "name others")
        yield steps
    if refuses_at == len(waits):
        raise OffmodelError("these models cannot carry it", "name others")
    return StudyResult([], [], [])


def test_a_study_that_refuses_at_once_or_from_what_it_measured_is_left_out_with_the_reason():
    builds = {"fine": study([], []), "at_once": study([], refuses_at=0), "late": study([], [], refuses_at=2)}
    waiting = together(builds)
    try:
        while True:
            next(waiting)
    except StopIteration as done:
        results, left_out = done.value
    assert list(results) == ["fine"]
    assert [line.split(":")[0] for line in left_out] == ["at_once was left out", "late was left out"]
    assert "these models cannot carry it" in left_out[1]
    assert combined(results).findings == []
