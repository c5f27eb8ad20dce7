"""Parses a run in processes that are killed in the middle, each a little further on.

python -m pipelines.configs.dying HOME DATABASE RUN KILLS
"""

import os
import signal
import sys
from pathlib import Path
from uuid import UUID

from assay.kit.clock import utc_now
from assay.kit.db import Database
from assay.kit.files import Files
from assay.kit.fingerprints import Fingerprints
from assay.pipelines.configs.tasks.parsing import parse_run


class Needs:
    """What parsing needs, in a process of its own."""

    def __init__(self, home: Path, url: str) -> None:
        self.db = Database(url)
        self.clock = utc_now
        self.uploads = Files(home / "uploads")
        self.fingerprint = Fingerprints(home / "fingerprints.key")


def main(home: str, url: str, run: str, kills: str) -> None:
    for step in range(1, int(kills) + 1):
        child = os.fork()
        if not child:
            seen = [0]

            def progress(_: int, deadly: int = step * 7, seen: list[int] = seen) -> None:
                seen[0] += 1
                if seen[0] == deadly:
                    os.kill(os.getpid(), signal.SIGKILL)

            parse_run(Needs(Path(home), url), UUID(run), progress=progress)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.WTERMSIG(status), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
