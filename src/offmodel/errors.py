"""The one exception users see: what is wrong, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class OffmodelError(Exception):
    """A mistake a person can mend. The command line prints it as one line and exits with 2.

    Args:
        problem: what is wrong and where.
        mend: what to do about it.
    """

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(problem, mend)
        self.problem = problem
        self.mend = mend

    def __str__(self) -> str:
        end = "" if self.mend.endswith("?") else "."
        return f"{self.problem}. {self.mend[:1].upper()}{self.mend[1:]}{end}"


def unknown(kind: str, name: str, known: Iterable[str]) -> OffmodelError:
    """The error for a name that does not exist, suggesting the nearest that does."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    mend = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(known)}"
    return OffmodelError(f"unknown {kind} {name!r}", mend)


def misfit(error: ValidationError, what: str, mend: str) -> OffmodelError:
    """The first value that pydantic refused, as one line; ``what`` is named where no field is."""
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"]) or what
    return OffmodelError(f"{where}={problem.get('input')!r} does not fit: {problem['msg']}", mend)
