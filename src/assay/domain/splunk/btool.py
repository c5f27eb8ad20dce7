"""The effective configuration as `splunk btool <conf> list --debug` prints it.

Observed on Splunk 9.4: stanzas and keys in the order of their bytes, paths padded to the longest, what is inherited
repeated in every stanza, lines that continue a value bare. The header of `[default]` and of a bare scheme is not
printed for inputs.conf.
"""

from collections.abc import Callable, Iterable, Iterator

from assay.domain.splunk.conf import DEFAULT
from assay.domain.splunk.layers import Effective

HOME = "$SPLUNK_HOME"

# Stanzas of inputs.conf that hold what all inputs of their scheme inherit, and are no inputs.
_SCHEMES = frozenset(
    (
        *("batch", "fifo", "fschange", "http", "journald", "monitor", "script"),
        *("splunktcp", "splunktcp-ssl", "tcp", "tcp-ssl", "udp"),
    )
)


def listing(
    effective: Effective,
    *,
    debug: bool = True,
    home: str = HOME,
    stanzas: Iterable[str] | None = None,
    below_home: Callable[[str], str] = lambda path: path,
) -> str:
    """The text that btool prints; `stanzas` names those that are wanted.

    `below_home` gives the place below Splunk's home of a path in the archive.
    """
    silent = _silent(effective) if effective.conf == "inputs" else frozenset()
    wanted = effective.stanzas.keys() - silent
    if stanzas is not None:
        wanted &= set(stanzas)
    lines: list[tuple[str, str]] = []
    for name in sorted(wanted, key=_bytes):
        lines += ((f"{home}/{below_home(path)}", text) for path, text in _stanza(effective, name, home))
    if not debug:
        return "".join(f"{text}\n" for _, text in lines)
    width = max((len(path) for path, _ in lines), default=0)
    return "".join(f"{path:<{width}} {text}\n" for path, text in lines)


def _stanza(effective: Effective, name: str, home: str) -> Iterator[tuple[str, str]]:
    yield effective.stanzas[name].path, f"[{_shown(effective.conf, name, home)}]"
    settings = effective.expanded(name)
    for key in sorted(settings, key=_bytes):
        yield settings[key].path, f"{key} = {settings[key].value}"


def _silent(effective: Effective) -> frozenset[str]:
    """Stanzas that only hold what others inherit."""
    used = {name.partition("://")[0] for name in effective.stanzas if "://" in name}
    return frozenset((DEFAULT, *_SCHEMES, *used))


def _shown(conf: str, name: str, home: str) -> str:
    if conf != "inputs":
        return name
    return name.replace("$SPLUNK_HOME", home).replace("://./", f"://{home}/")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
