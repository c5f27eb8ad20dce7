"""Who may do what: people, sessions, tokens, and the log of what they changed.

Flow    a request names a session or a token -> who it is (`Principal`) -> what its role includes
Tables  `auth.people`, `auth.sessions`, `auth.tokens`, `auth.audit` ...
Promise no secret is kept that could be used: passwords as argon2, tokens and sessions as hashes
        every change by a person or a token is one row of the audit log, in the transaction of the change
"""
