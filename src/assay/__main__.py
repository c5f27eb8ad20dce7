"""`assay`, the program: what an installation puts on the PATH, and what `python -m assay` runs."""

import os
import sys

from assay.handover import handed_over


def main() -> None:
    """Run the command line that this process was given."""
    _open_missing_streams()
    code = handed_over(sys.argv[1:])
    if code is not None:
        sys.exit(code)
    # Imported here: a worker process imports this module anew and never speaks to a terminal.
    from assay.cli.entry import run  # noqa: PLC0415

    run()


def _open_missing_streams() -> None:
    """Give a process that was started with closed streams empty ones: else its first socket is taken for stdout."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            empty = os.open(os.devnull, os.O_RDWR)
            if empty != number:
                os.dup2(empty, number)
                os.close(empty)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


if __name__ == "__main__":
    main()
