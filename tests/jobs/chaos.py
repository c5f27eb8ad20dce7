"""`make chaos`: every fault in turn, with its seed.

    python -m jobs.chaos [--rounds N] [--seed N] [--faults NAME ...]

Most faults befall two machines in the middle of 200 tasks (storm.py); those that are about something else have a play
of their own (scenes.py). A fault that cannot be tried here says SKIPPED and what is missing.
"""

import argparse
import random
import sys
from collections.abc import Callable
from functools import partial

from jobs.scenes import SCENES
from jobs.storm import FAULTS, Broken, Storm, play, round_of, sheltered

PLAYS: dict[str, Callable[[Storm], str]] = {
    **{name: partial(play, fault=name) for name in FAULTS},
    **SCENES,
}


def main(arguments: list[str]) -> int:
    """Play the rounds; 1 when a promise was broken in one of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None, help="of the first round; the next ones count on")
    parser.add_argument("--faults", nargs="+", choices=PLAYS, default=list(PLAYS))
    chosen = parser.parse_args(arguments)
    first = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    broken = skipped = 0
    with sheltered() as (options, server):
        for number in range(chosen.rounds):
            seed = first + number
            fault = chosen.faults[number % len(chosen.faults)]
            with round_of(options, server, seed) as storm:
                try:
                    said = PLAYS[fault](storm)
                except Broken as error:
                    broken += 1
                    said = f"BROKEN: {error}"
            skipped += said.startswith("SKIPPED")
            print(f"round {number + 1:3}  seed {seed:7}  {fault:17} {said}", flush=True)
    tried = f"{chosen.rounds - skipped} rounds" + (f", {skipped} SKIPPED" if skipped else "")
    print(f"{tried}: " + ("every promise kept" if not broken else f"{broken} broke a promise"))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
