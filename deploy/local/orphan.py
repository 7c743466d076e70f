"""What a child process does to itself between fork and exec, so that it never outlives the runner.

Linux sends a process the signal of its choice when its parent dies, however the parent dies (PR_SET_PDEATHSIG).
The kernel forgets the choice when the process changes its user, so the user is changed first. Elsewhere than on
Linux only an orderly stop ends the children.

PostgreSQL refuses to run as root. Root therefore starts it as an existing unprivileged user, which may however
not be able to walk to a data directory below /root; the ambient capability CAP_DAC_OVERRIDE lets it, and, unlike
opening the directories to everybody, changes nothing on the machine.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522

ON_LINUX = sys.platform == "linux"
LIBC = ctypes.CDLL(None, use_errno=True) if ON_LINUX else None


def unprivileged_user() -> pwd.struct_passwd | None:
    """The user that servers which refuse root run as; None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def before_exec(parent: int, orphan_signal: int, user: pwd.struct_passwd | None) -> Callable[[], None]:
    """The function to run in the child: `parent` is the runner's pid, `orphan_signal` what its death sends."""

    def prepare() -> None:
        if user is not None:
            _become(user)
        if LIBC is not None:
            LIBC.prctl(PR_SET_PDEATHSIG, orphan_signal, 0, 0, 0)
            if os.getppid() != parent:  # it died between fork and prctl
                os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def _become(user: pwd.struct_passwd) -> None:
    if LIBC is not None:
        LIBC.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    if LIBC is not None:
        bit = 1 << CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        # Effective, permitted, inheritable; the low 32 capabilities, then the high ones.
        LIBC.capset(header, (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0))
        LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)
