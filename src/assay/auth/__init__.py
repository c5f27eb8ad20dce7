"""Who may do what: people, sessions, tokens, and the log of what they changed.

Flow    a request names a session or a token -> who it is (`Principal`) -> what its role includes
Tables  `people`, `sessions`, `tokens`, `links`, `tries`, `journeys`, `filters`, `audit`
Promise no secret is kept that could be used: passwords as argon2id, everything else as the hash of 256 random bits
        guessing many at a time gains nothing, in however many processes
        every change by a person or a token is one row of the audit log, in the transaction of the change
"""
