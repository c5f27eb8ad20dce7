"""What may be asked of the packages pipeline.

reading     files, folders, purls -> inventories, and what could not be read
scanning    inventories against the catalog -> findings; what counts, what is ignored, what it comes to
keeping     inventories that are kept, and which of them new advisories hit
reporting   a scan as a document: JSON, SARIF, CycloneDX, OpenVEX, Markdown, HTML
"""
