"""Light steps that worker processes can import."""

import json
import os
import time
from pathlib import Path
from typing import ClassVar

from offmodel.pipeline.execute import Context
from offmodel.pipeline.step import Step, runtime


class Write(Step):
    kind: ClassVar[str] = "write"
    text: str
    seconds: float = runtime(0.0)
    log: str = runtime("")
    words: str = runtime("")

    def label(self) -> str:
        return self.words or self.kind

    def run(self, context: Context) -> None:
        if self.log:
            with Path(self.log).open("a") as f:
                f.write(f"{os.getpid()} {self.text}\n")
        time.sleep(self.seconds)
        context.write_rows([{"text": self.text}])

    def load(self, artifact):
        return artifact.rows()


class Join(Step):
    kind: ClassVar[str] = "join"
    parts: tuple[Write, ...]
    fail: bool = False

    def run(self, context: Context) -> None:
        if self.fail:
            os.kill(os.getpid(), 9)
        context.write_rows([row for part in self.parts for row in context.load(part)])

    def load(self, artifact):
        return artifact.rows()


class Rows(Step):
    """Rows given as JSON text."""

    kind: ClassVar[str] = "rows"
    needs_model: ClassVar[bool] = False
    text: str

    def run(self, context: Context) -> None:
        context.write_rows(json.loads(self.text))

    def load(self, artifact):
        return artifact.rows()
