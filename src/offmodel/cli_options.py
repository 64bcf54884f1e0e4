"""What the verbs share: the console, the store and the options that most of them have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from offmodel.errors import OffmodelError
from offmodel.pipeline.store import Artifact

out = Console()


def study_names(incomplete: str) -> list[str]:
    """For tab completion."""
    from offmodel.studies import studies

    return [name for name in studies() if name.startswith(incomplete)]


StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="Name of the study.", autocompletion=study_names)]
Pairs = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]…", help="Parameters; lists are comma-separated.")]
Scale = Annotated[str, typer.Option(help="Preset of parameters: organism, small or paper.")]
StoreDir = Annotated[Path, typer.Option("--store", help="Where artifacts are kept.", envvar="OFFMODEL_STORE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@contextmanager
def resumable() -> Iterator[None]:
    """What runs in it may be interrupted; that is said in a line, with exit status 130."""
    try:
        yield
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted; run the same command again to resume")
        raise typer.Exit(130) from None


def log_writer() -> Callable[[Artifact, Path], Path]:
    """What writes an evaluation as an ``.eval`` log.

    Raises:
        OffmodelError: without the extra ``inspect``.
    """
    try:
        from offmodel.inspect_bridge.logs import write_log
    except ImportError as e:
        raise OffmodelError("Inspect is not installed", "pip install 'offmodel[inspect]'") from e
    return write_log


def open_store(path: Path):
    """The store at ``path``; what it moves aside is said on standard error."""
    from offmodel.pipeline.store import Store

    return Store(path, lambda message: Console(stderr=True).print(message, style="yellow", markup=False))
