"""Starts one program as a daemon that outlives its starter; run as a script, standard library only.

The order comes as JSON on stdin, the answer goes as JSON to stdout: `{"pid": 1234}`, or `{"held": true}`
when another process holds the lock. The program holds the lock for as long as it or a child of it lives,
which is true across containers and needs no process ids. Fork and lock happen in this small process because
the caller may have threads and may fork workers, who would inherit the lock and keep it.
"""

import fcntl
import json
import os
import sys
from typing import Any


def _become(order: dict[str, Any], lock: int) -> None:
    """Turn this process into the program: no pipe of the caller is kept, the log is its only output."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.set_inheritable(lock, True)
    os.chdir("/")
    os.umask(0o077)
    account = order["account"]
    if account is not None:
        os.setgroups(account["groups"])
        os.setgid(account["gid"])
        os.setuid(account["uid"])
    os.execve(order["argv"][0], order["argv"], order["environment"])  # noqa: S606 - no shell is the point


def main() -> None:
    order = json.load(sys.stdin)
    lock = os.open(order["lock"], os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stdout.write(json.dumps({"held": True}))
        return
    child = os.fork()
    if child:
        sys.stdout.write(json.dumps({"pid": child}))
        return
    try:
        _become(order, lock)
    except OSError as error:
        os.write(2, f"FATAL:  could not run {order['argv'][0]}: {error.strerror}\n".encode())
    finally:
        os._exit(126)


if __name__ == "__main__":
    main()
