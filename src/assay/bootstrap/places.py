"""Names below ASSAY_HOME of what a backup holds, once for whoever opens it and whoever backs it up."""

SECRETS_KEY = "secrets.key"
FINGERPRINTS_KEY = "fingerprints.key"
UPLOADS = "uploads"
FETCHED = "fetched"
DOCUMENTS = "documents"
