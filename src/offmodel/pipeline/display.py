"""Progress for people: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text


@dataclass
class Running:
    """A step in progress."""

    started: float = field(default_factory=time.monotonic)
    done: int = 0
    total: int = 0
    unit: str = ""


class Display:
    """Shows steps as they begin, move and finish.

    Args:
        console: where to print; standard error by default, so that `--json` output stays clean.
        quiet: print nothing.
    """

    def __init__(self, console: Console | None = None, quiet: bool = False) -> None:
        self.console = console or Console(stderr=True)
        self.quiet = quiet
        self.running: dict[str, Running] = {}
        self.total = self.finished = 0
        self.began = time.monotonic()
        self._live: Live | None = None

    def start(self, to_run: int, cached: int) -> None:
        """A batch of steps is about to run."""
        self.total += to_run
        if self.quiet:
            return
        if self.console.is_terminal:
            if self._live is None:
                self._live = Live(console=self.console, get_renderable=self._table, refresh_per_second=5, transient=True)
                self._live.start()
        else:
            self.console.print(f"{to_run} steps to run, {cached} already in the store", highlight=False)

    def begin(self, name: str) -> None:
        self.running[name] = Running()

    def progress(self, name: str, done: int, total: int, unit: str) -> None:
        state = self.running.setdefault(name, Running())
        state.done, state.total, state.unit = done, total, unit

    def finish(self, name: str, seconds: float) -> None:
        self.running.pop(name, None)
        self.finished += 1
        if self.quiet:
            return
        self.console.print(
            f"[{self.finished:>3}/{self.total}] {name}  {seconds:.1f} s", highlight=False, markup=False, soft_wrap=True
        )

    def note(self, message: str) -> None:
        """One line that is not progress: a warning, a repair."""
        if not self.quiet:
            self.console.print(message, style="yellow", highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _left(self) -> str:
        if not self.finished:
            return "…"
        spent = time.monotonic() - self.began
        return f"{spent / self.finished * (self.total - self.finished):.0f} s left"

    def _table(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for name, state in self.running.items():
            spent = time.monotonic() - state.started
            rate = f"{state.done / spent:.1f} {state.unit}/s" if state.done and spent > 0.5 else ""
            bar = ProgressBar(total=state.total or None, completed=state.done, width=24, pulse=not state.total)
            table.add_row(
                Text(name, overflow="ellipsis", no_wrap=True), bar, f"{state.done}/{state.total or '?'}", rate, f"{spent:.0f} s"
            )
        return Group(table, Text(f"{self.finished}/{self.total} steps, {self._left()}", style="bold"))
