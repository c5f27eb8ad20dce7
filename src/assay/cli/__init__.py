"""The terminal: commands over the rooms' front doors, one module per room.

    entry        `assay` itself: global options, errors, signals
    advisories   sync, sources, quarantine
    catalog      show, search, catalog ...
    packages     scan
    inventories  hits, inventories ...
    feeds/       feeds: sources, entries ...
    jobs         jobs: list, show, retry, discard, cancel, run, stats
    schedules    schedules: when tasks run by themselves
    language     llm: the language model that reads entries
    worker       worker: the processes that run them
    operations   migrate, doctor, version
    screens/     what people see of each, made of `output`; `progress` shows long work

What a command needs is imported when it runs, so that `assay --help` and `assay version` answer at once.
Results go to stdout, everything else to stderr; `--json` writes one JSON document, also for an error.
"""

from assay.cli.entry import app

__all__ = ["app"]
