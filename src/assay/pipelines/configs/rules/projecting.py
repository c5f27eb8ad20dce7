"""Well-known configurations in types: of each stanza the settings that people ask for, as what they mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.domain.splunk.conf import DEFAULT
from assay.domain.splunk.layers import Effective
from assay.domain.splunk.places import locate
from assay.pipelines.configs.model import Typed

_TRUE = frozenset(("1", "true", "t", "yes", "y", "on", "enabled"))
_FALSE = frozenset(("0", "false", "f", "no", "n", "off"))


@dataclass(frozen=True, slots=True)
class Projection:
    """Which settings of a configuration are shown, by their type; `prefixes` are families such as `TRANSFORMS-`."""

    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    silent: frozenset[str] = field(default_factory=frozenset)
    """Stanzas that are no things of their own."""


_WHITELISTS = ("whitelist.", "blacklist.")
PROJECTIONS: Mapping[str, Projection] = {
    "inputs": Projection(
        texts=(
            "index",
            "sourcetype",
            "source",
            "host",
            "_TCP_ROUTING",
            "_SYSLOG_ROUTING",
            "interval",
            "queue",
        ),
        flags=("disabled", "recursive", "followTail"),
        silent=frozenset(("SSL",)),
    ),
    "props": Projection(
        texts=(
            *("sourcetype", "TIME_FORMAT", "TIME_PREFIX", "LINE_BREAKER", "CHARSET", "KV_MODE", "TZ"),
            "INDEXED_EXTRACTIONS",
        ),
        numbers=("priority", "TRUNCATE", "MAX_TIMESTAMP_LOOKAHEAD", "MAX_EVENTS"),
        flags=("SHOULD_LINEMERGE", "NO_BINARY_CHECK"),
        prefixes=("TRANSFORMS", "RULESET", "REPORT", "EXTRACT", "LOOKUP", "SEDCMD", "FIELDALIAS", "EVAL"),
    ),
    "transforms": Projection(
        texts=(
            *("REGEX", "FORMAT", "DEST_KEY", "SOURCE_KEY", "INGEST_EVAL", "filename", "collection"),
            *("external_cmd", "external_type", "fields_list"),
        ),
        numbers=("LOOKAHEAD", "max_matches", "min_matches"),
        flags=("WRITE_META", "MV_ADD", "case_sensitive_match", "STOP_PROCESSING_IF"),
    ),
    "indexes": Projection(
        texts=("homePath", "coldPath", "thawedPath", "datatype", "repFactor", "maxDataSize", "remotePath"),
        numbers=("frozenTimePeriodInSecs", "maxTotalDataSizeMB", "maxVolumeDataSizeMB", "maxHotBuckets"),
        flags=("disabled", "deleted"),
    ),
    "outputs": Projection(
        texts=("type", "uri", "sslCertPath", "indexerDiscovery", "master_uri", "manager_uri"),
        flags=("disabled", "useACK", "indexAndForward", "sendCookedData"),
        lists=("server", "defaultGroup"),
        numbers=("maxQueueSizeMB",),
    ),
    "serverclass": Projection(
        texts=("filterType", "stateOnClient", "packageTypesFilter", "repositoryLocation"),
        lists=("machineTypesFilter",),
        flags=("restartSplunkd", "restartSplunkWeb", "continueMatching", "issueReload"),
        prefixes=_WHITELISTS,
    ),
    "savedsearches": Projection(
        texts=(
            *("search", "cron_schedule", "dispatch.earliest_time", "dispatch.latest_time"),
            *("description", "alert_type", "actions"),
        ),
        flags=("enableSched", "disabled", "is_visible", "alert.track"),
        numbers=("alert.severity", "schedule_window"),
    ),
    "macros": Projection(texts=("definition", "validation", "errormsg"), lists=("args",), flags=("iseval",)),
    "app": Projection(
        texts=("state", "version", "author", "description", "label", "id", "build"),
        flags=("is_configured", "is_visible", "check_for_updates"),
    ),
    "server": Projection(
        texts=("serverName", "mode", "manager_uri", "master_uri", "sslVersions", "site", "hostnameOption"),
        numbers=("replication_factor", "search_factor", "max_searches_per_cpu"),
        flags=("enableSplunkdSSL", "disabled", "useClientSSLCompression"),
    ),
    "web": Projection(
        texts=("mgmtHostPort", "sslVersions", "root_endpoint", "loginBackgroundImageOption"),
        numbers=("httpport", "tools.sessions.timeout"),
        flags=("startwebserver", "enableSplunkWebSSL"),
    ),
}


def projected(effective: Effective) -> Iterator[Typed]:
    """Every stanza of a well-known configuration in types; a value that is not of its type stays a text."""
    projection = PROJECTIONS[effective.conf]
    flags = {*projection.flags, "disabled"}
    for name in effective.stanzas:
        if name == DEFAULT or name in projection.silent:
            continue
        stanza = effective.stanzas[name]
        expanded = effective.expanded(name)
        fields: dict[str, Any] = {}
        for key, winner in expanded.items():
            value = _typed(projection, flags, key, winner.value)
            if value is not None:
                fields[key] = value
        place = locate(stanza.path)
        yield Typed(
            kind=effective.conf,
            name=name,
            app="" if place is None else place.app,
            path=stanza.path,
            line=stanza.line,
            is_disabled=fields.get("disabled") is True,
            fields=dict(sorted(fields.items())),
        )


def _typed(projection: Projection, flags: set[str], key: str, value: str) -> Any:
    if key in projection.texts or key.startswith(projection.prefixes or ("\0",)):
        return value
    if key in flags:
        return as_flag(value, value)
    if key in projection.numbers:
        return int(value) if value.lstrip("-").isdecimal() and len(value) < 19 else value
    return [part.strip() for part in value.split(",") if part.strip()] if key in projection.lists else None


def as_flag(value: str, otherwise: Any = None) -> Any:
    """What splunkd takes a boolean for; `otherwise` where it is none."""
    lowered = value.strip().lower()
    if lowered in _TRUE:
        return True
    return False if lowered in _FALSE else otherwise
