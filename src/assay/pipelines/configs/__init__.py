"""Splunk configuration archives come in and answers come out: what holds, where data goes, what changed, what is wrong.

Flow    an upload is kept by its sha-256 -> `configs.parse` reads it as a stream -> stanzas and settings with lines
        questions resolve precedence when they are asked; nothing is stored expanded
Tables  `configs.runs`, `files`, `stanzas`, `settings`, `problems`, `documented`, `apps`, `objects`
Promise nothing is unpacked to disk, no secret is kept, and a run is either complete or not there at all
"""
