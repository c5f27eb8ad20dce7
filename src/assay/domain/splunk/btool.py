"""The effective configuration as `splunk btool <conf> list --debug` prints it.

Observed on Splunk 9.4: stanzas and keys in the order of their bytes, paths padded to the longest, what is inherited
repeated in every stanza, lines that continue a value bare. The header of `[default]` and of a bare scheme is not
printed for inputs.conf.
"""

from collections.abc import Iterable, Iterator

from assay.domain.splunk.conf import DEFAULT
from assay.domain.splunk.layers import Effective, Winner

HOME = "$SPLUNK_HOME"

# Stanzas of inputs.conf that hold what all inputs of their scheme inherit, and are no inputs.
_SCHEMES = frozenset(
    (
        *("batch", "fifo", "fschange", "http", "journald", "monitor", "script"),
        *("splunktcp", "splunktcp-ssl", "tcp", "tcp-ssl", "udp"),
    )
)


def listing(
    effective: Effective, *, debug: bool = True, home: str = HOME, stanzas: Iterable[str] | None = None
) -> str:
    """The text that btool prints; `stanzas` names those that are wanted. `home` stands before every path."""
    wanted = effective.stanzas.keys() if stanzas is None else effective.stanzas.keys() & set(stanzas)
    lines = [line for name in sorted(wanted, key=_bytes) for line in _stanza(effective, name, home)]
    if not debug:
        return "".join(f"{text}\n" for _, text in lines)
    width = max((len(path) for path, _ in lines), default=0)
    return "".join(f"{path:<{width}} {text}\n" for path, text in lines)


def _stanza(effective: Effective, name: str, home: str) -> Iterator[tuple[str, str]]:
    if effective.conf == "inputs" and _is_silent(name, effective):
        return
    stanza = effective.stanzas[name]
    yield f"{home}/{stanza.path}", f"[{_shown(effective.conf, name, home)}]"
    settings = effective.expanded(name)
    for key in sorted(settings, key=_bytes):
        winner: Winner = settings[key]
        yield f"{home}/{winner.path}", f"{key} = {winner.value}"


def _is_silent(name: str, effective: Effective) -> bool:
    return (
        name == DEFAULT or name in _SCHEMES or any(one.startswith(f"{name}://") for one in effective.stanzas)
    )


def _shown(conf: str, name: str, home: str) -> str:
    if conf != "inputs":
        return name
    return name.replace("$SPLUNK_HOME", home).replace("://./", f"://{home}/")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
