"""What the verbs share: the console, the store and the options that most of them have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out = Console()

StoreDir = Annotated[Path, typer.Option("--store", help="Where artifacts are kept.", envvar="OFFMODEL_STORE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


def open_store(path: Path):
    """The store at ``path``; what it moves aside is said on standard error."""
    from offmodel.pipeline.store import Store

    return Store(path, lambda message: Console(stderr=True).print(message, style="yellow", markup=False))
