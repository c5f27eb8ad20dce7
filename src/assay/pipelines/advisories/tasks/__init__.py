"""What a sync does, in the order in which the data flows: fetch a document, stage what changed in it.

fetching   a document from its transport, a path or the store, named by its sha-256 (or commit)
changes    the objects of a bucket that changed since the last time, as a small document
staging    the records that changed, read and handed to the catalog; bad ones to quarantine
scoring    a day of scores, handed to the catalog
"""
