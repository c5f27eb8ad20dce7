"""`assay up`: the database, the web service, workers and schedules, started, watched over and stopped together."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from assay.auth.model import Kind, Principal, Purpose, Role
from assay.cli.access import link_url
from assay.cli.arguments import Host, Port, WebWorkers, who_decides
from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json, show, spoken
from assay.errors import AssayError

if TYPE_CHECKING:
    from assay.bootstrap import Context
    from assay.jobs.supervisor import Supervisor
    from assay.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Put this command into the program."""
    app.command("up")(up)


def up(
    ctx: typer.Context,
    *,
    host: Host = None,
    port: Port = None,
    workers: WebWorkers = 1,
    worker: Annotated[
        bool,
        typer.Option("--worker/--no-worker", help="Run tasks and schedules too, or leave them to others."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Run all of Assay until Ctrl-C: database, web service, workers and schedules; print a link to sign in with."""
    from assay.cli.served import reachable, told
    from assay.cli.standby import standing_by
    from assay.web import running

    invocation = current(ctx)
    settings = invocation.settings()
    listening = running.listen(
        settings.web_host if host is None else host, settings.web_port if port is None else port
    )
    with listening, invocation.open(settings) as context, ExitStack() as stack:
        stack.enter_context(standing_by(settings, context.db.url))
        over = stack.enter_context(_asked_to_end())
        workshop = _Workshop(settings, over) if worker else None
        if workshop is not None:
            stack.enter_context(workshop.running())
        url = reachable(running.address_of(listening))
        stack.enter_context(told(settings.home, url))
        running.keep_serving(
            context, listening, workers, lambda: _tell(context, url, as_json=as_json), over.is_set
        )
        note("Stopping: what runs is finished or handed back. Ctrl-C again stops at once.")
    if workshop is not None and workshop.error is not None:
        raise workshop.error
    note("Stopped.")


@contextmanager
def _asked_to_end() -> "Iterator[_Over]":
    """Whether Ctrl-C or SIGTERM has asked for the end."""
    over = _Over()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: over.set()) for number in numbers]
    try:
        yield over
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class _Over:
    """Set when the end is asked for; whoever listens hears it each time."""

    def __init__(self) -> None:
        self._is_set = threading.Event()
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Have this called each time the end is asked for; it is a signal handler then, and must be quick."""
        self._listeners.append(listener)

    def set(self) -> None:
        """Ask for the end."""
        self._is_set.set()
        for listener in self._listeners:
            listener()

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._is_set.is_set()


class _Workshop:
    """The workers and schedules, supervised in a thread of this process."""

    def __init__(self, settings: "Settings", over: _Over) -> None:
        self._settings = settings
        self._over = over
        self.error: BaseException | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """At work for as long as the block lasts."""
        from assay import bootstrap

        with bootstrap.supervising(self._settings) as supervisor:
            thread = threading.Thread(target=self._work, args=(supervisor,), name="supervisor")
            self._over.listen(supervisor.stop)
            thread.start()
            try:
                yield
            finally:
                # Told twice it would not wait for anything.
                if not self._over.is_set():
                    supervisor.stop()
                # In pieces, so that a second Ctrl-C is heard between them.
                while thread.is_alive():
                    thread.join(0.2)

    def _work(self, supervisor: "Supervisor") -> None:
        try:
            supervisor.run()
        except BaseException as error:  # noqa: BLE001 - a thread that dies must not leave half a service behind
            self.error = error
        self._over.set()


def _tell(context: "Context", url: str, *, as_json: bool) -> None:
    link, why = _first_link(context, url)
    if as_json:
        print_json({"url": url, "sign_in": link})
        return
    show(spoken("Assay is up at ", (url, "bold")))
    if link is not None:
        minutes = round(context.sign_in.link.total_seconds() / 60)
        show(
            spoken("Sign in once:   ", (link, "bold")),
            spoken(f"(good for {minutes} minutes; `assay users link NAME` prints another)"),
        )
    if why is not None:
        note(why)
    note("Ctrl-C stops it.")


def _first_link(context: "Context", url: str) -> tuple[str | None, str | None]:
    """A link that signs in whoever uses this machine, or why there is none."""
    from assay.auth import commands

    try:
        with context.db.transaction() as conn:
            who = Principal(Kind.LOCAL, who_decides(None), Role.ADMIN)
            act = commands.Act(conn, context.sign_in, context.clock(), who)
            person = commands.local_admin(act)
            secret = commands.make_link(act, person.id, Purpose.SIGN_IN)
    except AssayError as error:
        return None, f"No link to sign in with: {error}"
    return link_url(context.settings, secret, url), None
