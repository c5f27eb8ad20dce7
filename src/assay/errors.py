"""What went wrong, said in the one way that matters: what to do about it.

`Transient` is tried again, `Permanent` is given up at once, `BadRecord` sets one record aside and
keeps the batch. `NotFound`, `Conflict` and `Forbidden` are answers to a person. Anything else is a bug.
"""


class AssayError(Exception):
    """Something failed in a way Assay knows about."""


class Transient(AssayError):  # noqa: N818 - the glossary's word; the type is the decision
    """A passing fault outside: the same call may work later."""


class Permanent(AssayError):  # noqa: N818
    """The same call will fail again until a person changes something; the message says what."""


class BadRecord(AssayError):  # noqa: N818
    """One record cannot be used. It is quarantined with this reason and the batch goes on.

    `reason` is a short constant (`not-json`, `wrong-type`, `id-mismatch`, ...) to count and filter by;
    the message is for people.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["BadRecord"], tuple[str, str]]:
        return type(self), (self.reason, self.detail)


class NotFound(AssayError):  # noqa: N818
    """What was asked for is not here."""


class Conflict(AssayError):  # noqa: N818
    """The request contradicts the present state."""


class Forbidden(AssayError):  # noqa: N818
    """The caller may not do this."""
