"""Patterns of stanza names and filters: props.conf's for sources and hosts, serverclass.conf's for clients."""

import re
from dataclasses import dataclass
from functools import lru_cache

_SOURCE, _HOST = "source::", "host::"
# Splunk's own limit is lower; a longer pattern is no pattern but an accident, and slow.
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class PropsName:
    """What a stanza of props.conf applies to: `kind` is `sourcetype`, `host`, `source` or `rule`."""

    kind: str
    text: str

    @property
    def is_literal(self) -> bool:
        """Whether it names one thing only."""
        return not re.search(r"[*|()\[\]{}+?\\]|\.\.\.", self.text)


def props_name(stanza: str) -> PropsName:
    """What a stanza of props.conf applies to (props.conf.spec, "[<spec>]")."""
    for prefix, kind in ((_SOURCE, "source"), (_HOST, "host"), ("rule::", "rule"), ("delayedrule::", "rule")):
        if stanza.startswith(prefix):
            return PropsName(kind, stanza.removeprefix(prefix))
    return PropsName("sourcetype", stanza)


def matches(name: PropsName, value: str) -> bool:
    """Whether a stanza of props.conf applies to a source, host or sourcetype."""
    if name.kind == "sourcetype":
        return name.text == value
    pattern = _compiled(_props_regex(name.text), name.kind == "host")
    return pattern is not None and pattern.fullmatch(value) is not None


def _props_regex(text: str) -> str:
    r"""`...` is anything, `*` anything but a separator, `.` a dot; the rest is PCRE's."""
    out: list[str] = []
    at = 0
    while at < len(text):
        if text.startswith("...", at):
            out.append(".*")
            at += 3
            continue
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            out.append(text[at : at + 2])
            at += 2
            continue
        out.append({"*": r"[^/\\]*", ".": r"\."}.get(char, char))
        at += 1
    return "".join(out)


def client_filter(text: str) -> str:
    r"""A filter of serverclass.conf as a regular expression: `.` is a dot and `*` anything, unless escaped.

    serverclass.conf.spec: "These patterns are PCRE regular expressions, with the following aids for easier entry: you
    can specify simply '.' to mean '\.', and simply '*' to mean '.*'". One that is `.*` alone means what it says.
    """
    return text if text == ".*" else re.sub(r"\\.|[.*]", lambda found: _AIDS.get(found[0], found[0]), text)


_AIDS = {".": r"\.", "*": ".*"}


def accepts(text: str, value: str) -> bool:
    """Whether a filter of serverclass.conf matches a client's name, address or host, whatever the letters' case."""
    pattern = _compiled(client_filter(text), is_caseless=True)
    return pattern is not None and pattern.fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, is_caseless: bool) -> re.Pattern[str] | None:
    if len(pattern) > _LONGEST:
        return None
    try:
        return re.compile(pattern, re.IGNORECASE if is_caseless else 0)
    except re.error:
        return None
