"""Lockfiles and SBOMs come in, the packages they pin are looked up in the catalog, and findings come out.

A file is recognised by its name (or, named by a person, by what it says), read by one pure function of
`sources/` as an inventory, matched against the catalog in one statement, and reported.
"""
