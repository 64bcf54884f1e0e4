"""The wall around untrusted text: a new root that holds Python and nothing else, made by bubblewrap.

Behind it there is no network, no socket or file of the host, no device but null, zero and urandom; another user without
privileges; ``/tmp`` and ``/proc`` of its own; and whatever was started there ends with it. Programs that models wrote run
behind it only (`code`); the process that parses their answers stands behind it where there is one (`judge`).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from offmodel.errors import OffmodelError

SECONDS, MEMORY, PROCESSES = 10, 1 << 30, 32
"""What one grading may take: processor seconds (twice as many on the clock), bytes of all processes together, processes."""
UNSAFE = "OFFMODEL_UNSAFE_CODE"
TICK = 0.05
"""Seconds between two looks at how much memory is in use."""
LINE = 16 << 20
"""Bytes of one message; a longer one is none."""
ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
"""Of processes behind the wall: with a fixed order of sets, since verdicts must not change from run to run."""
CHILD = Path(__file__).with_name("child.py")


class Ended(Exception):
    """A process behind the wall is gone or was ended: ``why`` is ``time``, ``memory``, ``end``, or ``start`` if it never was."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Walled:
    """A Python process behind the wall, spoken to in messages over its standard input and output.

    Args:
        script: the Python file that runs.
        paths: directories that it can read and import from.
        memory: bytes for it and all that it starts.
        seconds: of processor time for a program.
        bare: without the wall; only for what is trusted, or where `UNSAFE` is set.
    """

    def __init__(
        self, script: Path, paths: Sequence[Path], memory: int = MEMORY, seconds: int = SECONDS, bare: bool = False
    ) -> None:
        self.memory = memory
        outer, uid = ([], 0) if bare else (bubblewrap(script, paths), _unused_uid())
        known = [str(p) for p in paths]
        options = {"path": known, "uid": uid, "memory": memory, "seconds": seconds, "processes": PROCESSES}
        inner = [str(_python()), "-s", "-P", "-S", str(script), json.dumps(options)]
        told, tell = os.pipe()
        try:
            command = [*outer, *(["--info-fd", str(tell)] if outer else []), *inner]
            self.process = _spawner(os.getpid()).submit(_popen, command, tell).result()
            os.close(tell)
            self.first = _first_process(told) if outer else self.process.pid
        except BaseException:
            os.close(tell)
            raise
        finally:
            os.close(told)
        self._read = bytearray()
        self._looked = time.monotonic()
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)

    def send(self, message: bytes, until: float) -> None:
        """Write one message: its length in eight bytes, then itself.

        Raises:
            Ended: when it does not read.
        """
        assert self.process.stdin is not None
        pipe, left = self.process.stdin.fileno(), memoryview(len(message).to_bytes(8, "big") + message)
        while left:
            self._wait(pipe, select.POLLOUT, until)
            try:
                left = left[os.write(pipe, left[: 1 << 16]) :]
            except BrokenPipeError:
                raise Ended("end") from None

    def receive(self, until: float) -> bytes:
        """The next line that it writes, without its end.

        Raises:
            Ended: when none comes in time, or never will.
        """
        assert self.process.stdout is not None
        pipe = self.process.stdout.fileno()
        searched = 0
        while (end := self._read.find(b"\n", searched)) < 0:
            searched = len(self._read)
            if searched > LINE:
                raise Ended("end")
            self._wait(pipe, select.POLLIN, until)
            more = os.read(pipe, 1 << 20)
            if not more:
                raise Ended("end")
            self._read += more
        line = bytes(self._read[:end])
        del self._read[: end + 1]
        return line

    def _wait(self, pipe: int, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        ready = False
        while not ready:
            ready = bool(poll.poll(1000 * TICK))
            now = time.monotonic()
            if now > until:
                raise Ended("time")
            if now > self._looked + TICK:  # also while it talks without a pause
                self._looked = now
                if sum(map(resident, family(self.first))) > self.memory:
                    raise Ended("memory")

    def end(self) -> None:
        """Kill its first process: the kernel then ends every other behind the wall. Returns when they are gone."""
        for pid in (self.first, self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.first == self.process.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


# ---------------------------------------------------------------- which wall stands


@cache
def missing() -> str | None:
    """Why no wall can be had on this machine; None where it stands."""
    if sys.platform != "linux":
        return "code written by models runs isolated on Linux only"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap)"
    try:
        probe = Walled(CHILD, program_paths())
    except (Ended, OSError):
        return "bubblewrap cannot make namespaces on this system"
    try:
        probe.send(json.dumps({"source": "", "imports": ""}).encode(), time.monotonic() + SECONDS)
        probe.receive(time.monotonic() + SECONDS)
    except Ended:
        return "Python does not start behind bubblewrap here (it needs bubblewrap 0.8 and a Python that others may read)"
    finally:
        probe.end()
    return None


def unsafe() -> bool:
    """Whether programs run without a wall because the user said so."""
    return missing() is not None and os.environ.get(UNSAFE) == "1"


def require_wall() -> None:
    """A wall stands, or the user does without.

    Raises:
        OffmodelError: with the reason, and what to do.
    """
    if (reason := missing()) and not unsafe():
        raise OffmodelError(
            f"programs written by models cannot be run isolated here: {reason}",
            f"install bubblewrap or grade on another machine; {UNSAFE}=1 runs them with your rights, and the report says so",
        )


# ---------------------------------------------------------------- how it is built


def bubblewrap(script: Path, paths: Sequence[Path]) -> list[str]:
    """The command that builds the wall around the command behind it."""
    readable = [*_system(), *paths, script]
    parents = sorted({str(parent) for p in readable for parent in p.parents} - {"/", "/tmp"})
    links = [p for p in map(Path, ("/lib", "/lib64", "/lib32", "/bin")) if p.is_symlink()]
    may_choose_a_user = os.geteuid() == 0  # then `child` becomes one that nobody is
    user = "--cap-drop ALL --cap-add CAP_SETUID --cap-add CAP_SETGID"
    nobody = "--unshare-user --disable-userns --uid 65534 --gid 65534"
    command = "bwrap --die-with-parent --unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try".split()
    command += (user if may_choose_a_user else nobody).split()
    command += f"--perms 1777 --size {16 << 20} --tmpfs /tmp".split()  # first: Python itself may lie there
    for parent in [*parents, "/dev"]:
        command += ["--perms", "0755", "--dir", parent]
    for path in readable:
        command += ["--ro-bind-try", str(path), str(path)]
    for link in links:
        command += ["--symlink", os.readlink(link), str(link)]
    for device in ("/dev/null", "/dev/zero", "/dev/urandom"):
        command += ["--dev-bind", device, device]
    command += "--proc /proc --remount-ro / --chdir /tmp --clearenv".split()
    for name, value in {"HOME": "/tmp", **ENVIRONMENT}.items():
        command += ["--setenv", name, value]
    return command


def program_paths() -> list[Path]:
    """What a judged program may import beside the standard library: the installed packages."""
    return _existing(sysconfig.get_path(name) for name in ("purelib", "platlib"))


def import_paths() -> list[Path]:
    """All that this process imports from, for the process that grades."""
    home = {Path("/"), Path.home()}
    here = Path(__file__).parents[3]  # not on the path by itself in some editable installations
    return [p for p in _existing([*(p for p in sys.path if p), str(here)]) if p not in home]


def _existing(paths: Iterator[str] | Sequence[str]) -> list[Path]:
    return [p for p in dict.fromkeys(Path(p).resolve() for p in paths) if p.exists()]


def _python() -> Path:
    return Path(sys.executable).resolve()


def _system() -> list[Path]:
    """The interpreter, the standard library and the shared libraries; no more of ``/usr`` or ``/etc`` than that."""
    prefix = Path(sys.base_prefix).resolve()
    own = [prefix] if prefix not in (Path("/usr"), Path("/usr/local"), Path("/")) else [_python(), prefix / "lib"]
    shared = [Path(p) for p in ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache") if not Path(p).is_symlink()]
    return [p for p in (*own, *shared) if p.exists()]


_used = itertools.count()


def _unused_uid() -> int:
    """A user that nobody is, where this process may choose one; 0 where it may not. Process limits are counted by user."""
    return 1_000_000_000 + os.getpid() % 100_000 * 1000 + next(_used) % 1000 if os.geteuid() == 0 else 0


@cache
def _spawner(pid: int) -> ThreadPoolExecutor:
    """A thread that lives as long as this process: "die with parent" means the thread that started it."""
    return ThreadPoolExecutor(1, "wall")


def _popen(command: list[str], tell: int) -> subprocess.Popen[bytes]:
    env = {"PATH": os.environ.get("PATH", ""), **ENVIRONMENT}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=env, cwd="/", start_new_session=True, pass_fds=[tell], bufsize=0,
    )  # fmt: skip


def _first_process(told: int) -> int:
    """The pid, as this process sees it, of the first process behind the wall."""
    text = b""
    while b"}" not in text:
        more = os.read(told, 4096)
        if not more:
            raise Ended("end")
        text += more
    return int(json.loads(text)["child-pid"])


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    waiting = [pid]
    while waiting:
        yield (pid := waiting.pop())
        with contextlib.suppress(OSError, ValueError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                waiting += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())


def resident(pid: int) -> int:
    """Bytes of memory that a process has in use; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
