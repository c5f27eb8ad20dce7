"""Runs a command and writes what it cost into a file: exit code, seconds, processor seconds, peak bytes.

    python -I -S benchmarks/launch.py FILE COMMAND...

The kernel counts the memory of the process that starts another one as the other's until that is loaded, so a large
process cannot measure a small one. This one is smaller than all that it is asked to start.
"""

import os
import sys
import time

started = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - started
with open(sys.argv[1], "w") as report:  # noqa: PTH123 - pathlib would make this process larger
    code, cpu = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
    print(code, seconds, cpu, usage.ru_maxrss * 1024, file=report)
