"""The catalog: claims -> alias groups -> curated vulnerabilities.

    commands.submit   claims that are new or changed are saved, and their names marked dirty
    tasks.merge       rules.grouping decides which claims speak of the same vulnerability,
                      rules.merging what is true of it, store writes rows, names, match rows, changes
    queries           show, search, provenance, stats

Tables (schema catalog): claims, dirty_claims, identifiers, vulnerabilities, finished, affected, changes,
alias_decisions, epss_scores, epss_history.

Promises: the catalog is a function of its claims, whatever the order in which they came; every identifier
finds exactly one curated vulnerability; two CVE ids share one only where a person pinned them together;
every field names the claim that set it and those that disagreed; the same claim twice changes nothing.
"""
