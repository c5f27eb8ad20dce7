"""What the pool's workers do in the tests: importable by name, as in every worker of it."""

import os
import signal
import sys
import time
from pathlib import Path

from assay.errors import BadRecord
from assay.kit.pool import Pool


def make(word: str) -> dict[str, object]:
    return {"word": word, "pid": os.getpid(), "calls": 0}


def broken() -> None:
    raise ZeroDivisionError("no context")


def say(context: dict, item: int) -> tuple[int, str, int]:
    context["calls"] += 1
    return item, context["word"], os.getpid()


def nap(context: dict, seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def refuse(context: dict, item: int) -> int:
    if item == 3:
        raise BadRecord("odd", f"{item} is odd")
    return item


def die(context: dict, item: int) -> int:
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def tell(context: dict, folder: str) -> str:
    (Path(folder) / f"{os.getpid()}.pid").touch()
    time.sleep(600)
    return folder


def hold(folder: str) -> None:
    """Keep two workers busy until this process is killed."""
    with Pool(2, make, ("x",)) as pool:
        list(pool.map(None, tell, [folder, folder]))


def main() -> None:
    hold(sys.argv[1])


if __name__ == "__main__":
    main()
