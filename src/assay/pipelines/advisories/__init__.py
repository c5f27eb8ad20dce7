"""Public advisories: OSV, GitLab, the CVE list, KEV and EPSS.

    commands.sync -> tasks.fetch    a document, named by its sha-256, kept under ASSAY_HOME
                  -> tasks.stage    the members that changed, read by the source; claims to the catalog,
                                    bad records to quarantine
                  -> catalog.merge  curated vulnerabilities

Tables (schema advisories): documents, listings, quarantine.

Promises: every record of a document is a claim or is in quarantine; the same document twice changes
nothing; a listing that lost more than a tenth of its records is refused as a whole.
"""
