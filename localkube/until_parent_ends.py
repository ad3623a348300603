"""Becomes the program it is told to be, after asking Linux to signal that program when its parent ends.

`python until_parent_ends.py PARENT SIGNAL PROGRAM ARGUMENT…`; the signal is SIGKILL, but for a program that has
something to clean up. A file of its own and no `preexec_fn`: that one runs Python
between fork and exec of a process with threads, which may hang. The kernel takes the *thread* that forked for the
parent, so whoever uses this forks from a thread that lives as long as the program shall. Other systems have no such
request: there a program survives a kill -9 of its parent.
"""

import ctypes
import os
import sys

SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, <linux/prctl.h>


def main() -> None:
    """Never returns: the program takes this process over."""
    parent, number, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, number, 0, 0, 0)
    if os.getppid() != parent:  # it ended before it could be asked for
        sys.exit(1)
    os.execv(program, sys.argv[3:])  # noqa: S606 no shell is wanted


if __name__ == "__main__":
    main()
