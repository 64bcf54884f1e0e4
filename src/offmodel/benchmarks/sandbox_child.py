"""Runs one program where it can harm nothing. Started by `sandbox` with ``python -I -S``; standard library only.

Arguments: seconds of processor time, bytes of memory, directory to write to. The program comes on standard input.
Exit code `NO_ISOLATION` when the kernel gives no namespaces.
"""

import ctypes
import os
import resource
import signal
import sys

NO_ISOLATION = 97
NOBODY = 1000
"""Who the program is, inside: anyone but 0, so that it keeps no privilege once it runs."""
NEWNS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, RDONLY, MS_PRIVATE_REC = 442, -100, 0x8000, 1, 0x44000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
FILE_BYTES, PROCESSES = 1 << 20, 32


class MountAttributes(ctypes.Structure):
    """``struct mount_attr`` of mount_setattr(2)."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


def isolate(libc: ctypes.CDLL, directory: str) -> bool:
    """New user, network, process and mount namespaces; every file read-only but those in ``directory``."""
    user, group = os.getuid(), os.getgid()
    if libc.unshare(NEWUSER | NEWNET | NEWPID | NEWIPC | NEWNS):
        return False
    for name, line in (("uid_map", f"{NOBODY} {user} 1"), ("setgroups", "deny"), ("gid_map", f"{NOBODY} {group} 1")):
        with open(f"/proc/self/{name}", "w") as f:
            f.write(line)
    if libc.mount(None, b"/", None, MS_PRIVATE_REC, None):
        return False
    read_only = MountAttributes(attr_set=RDONLY)
    if libc.syscall(MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, ctypes.byref(read_only), ctypes.sizeof(read_only)):
        return False
    if libc.mount(b"tmpfs", directory.encode(), b"tmpfs", 0, b"size=16m"):
        return False
    os.chdir(directory)
    return True


def limit(seconds: int, memory: int) -> None:
    """Processor time, memory, file size and processes of this process and those it starts."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    seconds, memory, directory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    program = sys.stdin.read()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        isolated = isolate(libc, directory)
    except OSError:  # a kernel that gives the namespace and not the right to name its user
        isolated = False
    if not isolated:
        os._exit(NO_ISOLATION)
    child = os.fork()  # the first process of the new process namespace: when it ends, all in it end
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(min(abs(os.waitstatus_to_exitcode(status)), NO_ISOLATION - 1))
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    limit(seconds, memory)
    os.execv(sys.executable, [sys.executable, "-I", "-c", program])


if __name__ == "__main__":
    main()
