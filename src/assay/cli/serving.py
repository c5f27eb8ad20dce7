"""What starts the web service."""

from contextlib import ExitStack

import typer

from assay.cli.arguments import Host, Port, WebWorkers
from assay.cli.invocation import AsJson, current


def add_to(app: typer.Typer) -> None:
    """Put this command into the program."""
    app.command("serve")(serve)


def serve(
    ctx: typer.Context,
    *,
    host: Host = None,
    port: Port = None,
    workers: WebWorkers = 1,
    as_json: AsJson = False,
) -> None:
    """Answer OSV and npm audit queries over HTTP until stopped by Ctrl-C or SIGTERM."""
    from assay.cli.output import note, print_json, show, spoken
    from assay.cli.served import reachable, told
    from assay.cli.standby import standing_by
    from assay.web.running import serve as run

    invocation = current(ctx)
    settings = invocation.settings()

    def tell(url: str) -> None:
        stack.enter_context(told(settings.home, reachable(url)))
        if as_json:
            print_json({"url": url})
        else:
            show(spoken("Serving at ", (url, "bold"), f" (API {url}docs, health {url}health)"))

    with invocation.open(settings) as context, ExitStack() as stack:
        stack.enter_context(standing_by(settings, context.db.url))
        run(
            context,
            settings.web_host if host is None else host,
            settings.web_port if port is None else port,
            workers,
            tell,
        )
    note("Stopped.")
