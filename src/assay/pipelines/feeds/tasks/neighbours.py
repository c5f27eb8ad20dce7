"""The extractions around those that are being placed: read in one go, changed at hand, written in one go."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from assay.kit.db import Connection
from assay.pipelines.feeds.model.review import Fresh, Known, State
from assay.pipelines.feeds.store import extractions as store


class Neighbours:
    """How extractions stand, with what was changed since `write` was called last. The caller holds the lock."""

    def __init__(self, conn: Connection, now: datetime, most: int = 1) -> None:
        """Nothing is read before it is asked for. At `most` so many are likely to be added."""
        self._conn = conn
        self._now = now
        self._known: dict[int, Known] = {}
        self._by_entry: dict[store.Entry, set[int]] = {}
        self._by_name: dict[str, set[int]] = {}
        self._names: dict[int, Sequence[str]] = {}
        self._numbers: Iterator[int] = iter(())
        self._most = max(most, 1)
        self._added: dict[int, store.Written] = {}
        self._replaced: dict[int, store.Written] = {}
        self._states: dict[int, State] = {}

    def fetch(self, entries: Iterable[store.Entry] = (), names: Iterable[str] = ()) -> None:
        """Read what stands about these entries and names in one go, unless it was read already."""
        new_entries = [one for one in dict.fromkeys(entries) if one not in self._by_entry]
        new_names = [one for one in dict.fromkeys(names) if one not in self._by_name]
        if not new_entries and not new_names:
            return
        self._by_entry.update((one, set()) for one in new_entries)
        self._by_name.update((one, set()) for one in new_names)
        for near in store.find_near(self._conn, new_entries, new_names):
            number = near.known.id
            self._place(self._known.get(number, near.known), near.entry, self._names.get(number, near.names))

    def _place(self, known: Known, entry: store.Entry, names: Sequence[str]) -> None:
        # Only what was asked for is complete, so only that is kept.
        self._known[known.id] = known
        if entry in self._by_entry:
            self._by_entry[entry].add(known.id)
        for name in self._names.get(known.id, ()):
            self._by_name.get(name, set()).discard(known.id)
        self._names[known.id] = names
        for name in names:
            if name in self._by_name:
                self._by_name[name].add(known.id)

    def of_entry(self, source: int, key: str) -> list[Known]:
        """What an entry said before, the oldest first."""
        self.fetch([(source, key)])
        return [self._known[number] for number in sorted(self._by_entry[(source, key)])]

    def named(self, names: Sequence[str]) -> list[Known]:
        """Every extraction that speaks of a vulnerability of any of these names, the oldest first."""
        self.fetch(names=names)
        return [self._known[number] for number in sorted({n for name in names for n in self._by_name[name]})]

    def add(self, fresh: Fresh, state: State, asks_at: datetime | None) -> int:
        """Let there be a new extraction; returns its number."""
        number = next(self._numbers, None)
        if number is None:
            self._numbers = iter(store.reserve_numbers(self._conn, self._most))
            number = next(self._numbers)
        self._added[number] = store.Written(number, fresh, state, asks_at)
        self._put(number, fresh, fresh.identifier, state)
        return number

    def replace(self, own: Known, fresh: Fresh, state: State, asks_at: datetime | None) -> None:
        """Let what was read anew stand in the place of what was read before."""
        written = store.Written(own.id, fresh, state, asks_at)
        (self._added if own.id in self._added else self._replaced)[own.id] = written
        self._states.pop(own.id, None)
        self._put(own.id, fresh, own.identifier, state)

    def _put(self, number: int, fresh: Fresh, identifier: str, state: State) -> None:
        said = fresh.extracted
        known = Known(number, identifier, fresh.record_id, said, said.confidence, state)
        names = store.names_of(identifier, said)
        self.fetch([(fresh.source, fresh.entry_key)], names)
        self._place(known, (fresh.source, fresh.entry_key), names)

    def set_state(self, ids: Iterable[int], state: State) -> None:
        """Say how some stand; no language model is asked about them any more."""
        for number in ids:
            self._known[number] = replace(self._known[number], state=state)
            for written in (self._added, self._replaced):
                if number in written:
                    written[number] = replace(written[number], state=state, asks_at=None)
                    break
            else:
                self._states[number] = state

    def write(self) -> None:
        """Write everything that was changed, in the caller's transaction."""
        by_state: dict[State, list[int]] = {}
        for number, state in self._states.items():
            by_state.setdefault(state, []).append(number)
        for state, ids in by_state.items():
            store.set_state(self._conn, ids, state)
        store.replace(self._conn, self._replaced.values(), self._now)
        store.add(self._conn, self._added.values(), self._now)
        for changes in (self._states, self._replaced, self._added):
            changes.clear()
