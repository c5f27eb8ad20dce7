"""What `.spec` files document: which settings may stand in which stanzas.

The rules of the file that Splunk ships beside them (conf_checker.rules): headers stand at the left edge; a setting or
stanza with `<` in its name stands for every name that begins like it; what is under no stanza, or under `[default]`,
may stand everywhere.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_HEADER = re.compile(r"\[(.*)\]")
# Matches "index = <string>", "* [a-z]" does not; names hold no blanks except around placeholders.
_SETTING = re.compile(r"\s*([A-Za-z_<*$][^=#]{0,120}?)\s*=")
_OPEN = re.compile(r"<|\.\.\.|\*|\$")


@dataclass(slots=True)
class Documented:
    """The settings of one stanza or of all: whole names, and beginnings of names."""

    names: set[str] = field(default_factory=set)
    beginnings: set[str] = field(default_factory=set)

    def add(self, name: str) -> None:
        """Take a name as the specification writes it."""
        beginning, is_open = _beginning(name)
        if is_open:
            self.beginnings.add(beginning)
        else:
            self.names.add(name)

    def knows(self, key: str) -> bool:
        """Whether a setting is documented here."""
        return key in self.names or any(key.startswith(one) for one in self.beginnings)


@dataclass(slots=True)
class Spec:
    """What is documented of one configuration."""

    everywhere: Documented = field(default_factory=Documented)
    stanzas: dict[str, Documented] = field(default_factory=dict)

    def knows(self, stanza: str, key: str) -> bool:
        """Whether a setting is documented for a stanza."""
        if self.everywhere.knows(key):
            return True
        return any(documented.knows(key) for documented in self._for(stanza))

    def covers(self, stanza: str) -> bool:
        """Whether anything is documented that could hold for a stanza."""
        return bool(self.everywhere.names or self.everywhere.beginnings or list(self._for(stanza)))

    def _for(self, stanza: str) -> list[Documented]:
        found = []
        for name, documented in self.stanzas.items():
            beginning, is_open = _stanza_beginning(name)
            if stanza == name or (is_open and stanza.startswith(beginning)):
                found.append(documented)
        return found

    def stanza(self, name: str) -> Documented:
        """What is documented of the stanzas of a name, to be added to."""
        return self.stanzas.setdefault(name, Documented())


def _beginning(name: str) -> tuple[str, bool]:
    found = _OPEN.search(name)
    if found is not None:
        return name[: found.start()], True
    # `TRANSFORMS-<class>` is also written `TRANSFORMS-xyz`; a name with a hyphen stands for its beginning.
    head, hyphen, _ = name.partition("-")
    return (head + hyphen, True) if hyphen else (name, False)


def _stanza_beginning(name: str) -> tuple[str, bool]:
    found = re.search(r"[<:.]|\*", name)
    if found is None:
        return name, False
    end = found.start()
    while end < len(name) and name[end] in ":/":
        end += 1
    return name[:end], True


def read_spec(text: str) -> Spec:
    """The specification in a text, whatever it is."""
    spec = Spec()
    now = spec.everywhere
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        header = _HEADER.match(line)
        if header is not None:
            name = header[1].strip()
            now = spec.everywhere if name == "default" else spec.stanza(name)
            continue
        setting = _SETTING.match(line)
        if setting is not None and not line.lstrip().startswith("*"):
            for name in _alternatives(setting[1]):
                now.add(name)
    return spec


def _alternatives(name: str) -> Iterable[str]:
    return [part.strip() for part in name.split("|") if part.strip()] if "|" in name else [name]
