"""Feeds: unstructured advisories -> raw entries -> extractions -> claims, with people where the text is not enough.

    tasks.fetching     a source of entries is asked, what is new is kept as received (raw_entries: pending)
    tasks.processing   entries in batches: rules.cleaning -> rules.extracting -> kit.llm for what is left
                       -> rules.grounding -> extractions, claims of the source `extraction`, or a place in review
    commands           people manage sources and monitored products, and decide: claims of the source `person`
    queries            the queue of review, entries, sources, health

Tables (schema feeds): sources, quarantine, raw_entries, purged_entries, extractions, names, products, touched.

Promises: what was received is never lost before it is processed; every value names the place in the text that
supports it; a text cannot give orders; what a person decided outranks what was extracted, whatever comes later.
"""
