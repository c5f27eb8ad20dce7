"""The web service as a process that takes everybody for an analyst: `python -m jobs.web URL HOME KEV-ADDRESS`."""

import sys
from pathlib import Path

from assay.auth.model import Kind, Principal, Role
from assay.bootstrap import build
from assay.settings import Settings, SourceSettings
from assay.web import running

ANALYST = Principal(Kind.TOKEN, "storm", Role.ANALYST, 1)


def main(url: str, home: str, kev: str) -> None:
    """Serve on any free port, and say which once requests are answered."""
    settings = Settings(
        home=Path(home), database_url=url, processes=1, sources={"kev": SourceSettings(url=kev)}
    )
    with build(settings) as ctx, running.listen("127.0.0.1", 0) as listening:
        address = running.address_of(listening)
        server = running.make_server(ctx, lambda: print(address, flush=True), lambda _: ANALYST)
        server.run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])
