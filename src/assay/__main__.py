"""`assay`, the program: what an installation puts on the PATH, and what `python -m assay` runs."""

import sys

from assay.handover import handed_over


def main() -> None:
    """Run the command line that this process was given."""
    code = handed_over(sys.argv[1:])
    if code is not None:
        sys.exit(code)
    # Imported here: a worker process imports this module anew and never speaks to a terminal.
    from assay.cli.entry import run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
