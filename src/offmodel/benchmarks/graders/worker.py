"""The process that grades: it reads completions, parses answers, compares, runs tests; it never runs a judged program.

Started and spoken to by `judge`. In come pickles of benchmarks and items, and the replies of programs; out go lines of
JSON: ``{"grade": …}`` for each completion, ``{"start": …}`` and ``{"ask": …}`` for a program.
"""

from __future__ import annotations

import builtins
import json
import pickle
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any


def exception_name(name: Any) -> str:
    """A built-in exception's name as a program gave it; no other text of its own."""
    known = isinstance(name, str) and isinstance(getattr(builtins, name, None), type)
    return name if known else "an exception"


class Remote:
    """A program behind the judge: asks travel there as lines, replies come back as messages."""

    def __init__(self, receive: Callable[[], bytes | None], send: Callable[[bytes], None]) -> None:
        self.receive, self.send = receive, send

    def start(self, source: str, imports: str) -> Remote:
        from offmodel.benchmarks.graders.code import Failed

        ran = self._reply({"start": {"source": source, "imports": imports}})
        if name := ran.get("raised"):
            raise Failed(f"the program ends in {exception_name(name)}")
        return self

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        return self._reply({"ask": message})

    def _reply(self, message: dict[str, Any]) -> dict[str, Any]:
        from offmodel.benchmarks.graders.code import Failed
        from offmodel.benchmarks.graders.wall import Ended

        self.send(json.dumps(message).encode())
        reply = self.receive() or b"-end"
        if reply[:1] == b"-":
            raise Ended(reply[1:].decode())
        try:
            found = json.loads(reply[1:])
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Failed("the program returns no value that can be read")
        return found


def main() -> None:
    options = json.loads(sys.argv[1])
    sys.path[:] = [*sys.path, *options["path"]]
    from offmodel.benchmarks.graders import child

    receive, send = child.channel()
    child.restrict(options["uid"], 2 * options["memory"])  # of addresses; what is in use the judge watches
    from offmodel.benchmarks.graders.programmed import use_programs

    use_programs(Remote(receive, send).start)
    known: dict[int, Any] = {}
    while message := receive():
        request = pickle.loads(message)
        if "benchmark" in request:
            try:
                known[request["key"]] = benchmark = pickle.loads(request["benchmark"])
                benchmark.prepare()
                send(b"{}")
            except Exception as e:
                send(json.dumps({"failed": f"{type(e).__name__}: {e}"}).encode())
            continue
        benchmark = known[request["key"]]
        for item, completion, thinking in request["completions"]:
            signal.setitimer(signal.ITIMER_PROF, options["seconds"])  # its default action ends this process
            grade = benchmark.graded(item, completion, thinking)
            signal.setitimer(signal.ITIMER_PROF, 0)
            send(json.dumps({"grade": asdict(grade)}).encode())


if __name__ == "__main__":
    main()
