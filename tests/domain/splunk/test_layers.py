"""Precedence, layer by layer, and the listing that btool prints of it."""

from hypothesis import given
from hypothesis import strategies as st

from assay.domain.splunk.btool import listing
from assay.domain.splunk.conf import Setting, Stanza, read
from assay.domain.splunk.layers import Context, Effective, Layer, is_enabled, ordered, rank, resolve
from assay.domain.splunk.meta import access, exports
from assay.domain.splunk.places import locate


def layer(path: str, content: str) -> Layer:
    return Layer(locate(path), path, read(content.encode()).stanzas)


def effective(files: dict[str, str], conf: str = "refconf", context: Context | None = None) -> Effective:
    layers = [layer(path, content) for path, content in files.items()]
    return resolve(conf, ordered(layers, context or Context()))


# The strongest first: every one of them is set by all that follow, too.
GLOBAL = [
    "etc/peer-apps/_cluster/local/refconf.conf",
    "etc/system/local/refconf.conf",
    "etc/apps/00_x/local/refconf.conf",
    "etc/apps/A/local/refconf.conf",
    "etc/apps/Z/local/refconf.conf",
    "etc/apps/a/local/refconf.conf",
    "etc/peer-apps/_cluster/default/refconf.conf",
    "etc/apps/00_x/default/refconf.conf",
    "etc/apps/a/default/refconf.conf",
    "etc/system/default/refconf.conf",
]
SEARCH = [
    "etc/users/bob/search/local/refconf.conf",
    "etc/users/bob/search/default/refconf.conf",
    "etc/apps/search/local/refconf.conf",
    "etc/apps/search/default/refconf.conf",
    "etc/apps/a/local/refconf.conf",
    "etc/apps/a/default/refconf.conf",
    "etc/apps/Zz/local/refconf.conf",
    "etc/apps/Z/local/refconf.conf",
    "etc/apps/A/default/refconf.conf",
    "etc/system/local/refconf.conf",
    "etc/system/default/refconf.conf",
]


def cascade(paths: list[str], context: Context) -> list[str]:
    """Which file wins `k`, then which one without it, and so on."""
    left, won = set(paths), []
    while left:
        found = effective({path: f"[s]\nk = {path}\n" for path in sorted(left)}, context=context)
        winner = found.stanzas["s"].settings["k"]
        assert winner.value == winner.path
        assert len(winner.shadowed) == len(left) - 1
        won.append(winner.path)
        left.remove(winner.path)
    return won


def test_the_order_of_the_global_context():
    assert cascade(GLOBAL, Context()) == GLOBAL


def test_the_order_of_an_apps_searches():
    assert cascade(SEARCH, Context("search", "bob")) == SEARCH


def test_users_and_other_users_take_no_part():
    place = locate("etc/users/bob/search/local/a.conf")
    assert rank(place) is None
    assert rank(place, Context("search", "alice")) is None
    assert rank(place, Context("other", "bob")) is None
    assert rank(locate("etc/deployment-apps/x/local/a.conf")) is None


def test_everything_that_lost_is_told_the_strongest_first():
    found = effective(
        {
            "etc/system/default/refconf.conf": "[s]\nk = 4\n",
            "etc/apps/b/local/refconf.conf": "[s]\nk = 2\nk = 1\n",
            "etc/apps/b/default/refconf.conf": "[s]\nk = 3\n",
        }
    )
    winner = found.stanzas["s"].settings["k"]
    assert (winner.value, winner.line) == ("1", 3)
    assert [(one.value, one.line) for one in winner.shadowed] == [("2", 2), ("3", 2), ("4", 2)]


def test_a_named_stanza_beats_default_whatever_the_layers():
    found = effective(
        {
            "etc/system/local/refconf.conf": "k = strong\nonly = here\n",
            "etc/system/default/refconf.conf": "[s]\nk = named\n",
        }
    )
    assert found.value("s", "k") == "named"
    expanded = found.expanded("s")
    assert {key: one.value for key, one in expanded.items()} == {"k": "named", "only": "here"}
    assert [(one.value, one.stanza) for one in expanded["k"].shadowed] == [("strong", "default")]
    assert expanded["only"].stanza == "default"


def test_an_empty_value_overrides():
    files = {"etc/system/local/refconf.conf": "[s]\nk =\n", "etc/system/default/refconf.conf": "[s]\nk = v\n"}
    assert effective(files).find("s", "k") == ""
    assert effective(files).find("s", "other") is None


def test_inputs_inherit_from_their_scheme():
    found = effective(
        {
            "etc/system/local/inputs.conf": "host = h\n[script]\ninterval = 5\nhost = s\n[script://x]\nindex = i\n"
        },
        "inputs",
    )
    assert {key: one.value for key, one in found.expanded("script://x").items()} == {
        "index": "i",
        "interval": "5",
        "host": "s",
    }


def test_who_takes_part():
    assert is_enabled(None)
    assert is_enabled("enabled")
    assert not any(map(is_enabled, ("disabled", "Enabled", "", "foo")))


def test_the_listing_of_btool():
    found = effective(
        {
            "etc/system/default/refconf.conf": "[default]\nz = base\n\n[s2]\nq\\\\x = 1\n",
            "etc/apps/00_base/local/refconf.conf": "[s1]\nADD = 1\n_x = 2\na = one \\\ntwo\n",
            "etc/apps/zz/local/refconf.conf": "[s1]\na = lost\nb = won\n",
        }
    )
    text = listing(found, home="/opt/splunk")
    lines = text.splitlines()
    # The longest path and one blank come before every line that does not continue a value.
    width = len("/opt/splunk/etc/apps/00_base/local/refconf.conf ")
    assert [line[width:] for line in lines if line.startswith("/opt")] == [
        *("[default]", "z = base"),
        *("[s1]", "ADD = 1", "_x = 2", "a = one ", "b = won", "z = base"),
        *("[s2]", "q\\x = 1", "z = base"),
    ]
    assert "\ntwo\n" in text
    assert {line[:width].rstrip() for line in lines if line.endswith("b = won")} == {
        "/opt/splunk/etc/apps/zz/local/refconf.conf"
    }
    assert listing(found, debug=False, stanzas=["s2"]) == "[s2]\nq\\x = 1\nz = base\n"


def test_the_listing_of_inputs():
    found = effective(
        {
            "etc/system/local/inputs.conf": (
                "host = h\n[script]\ninterval = 5\n[script://./bin/x.sh]\nindex = i\n"
                "[monitor://$SPLUNK_HOME/var/log]\n"
            )
        },
        "inputs",
    )
    assert listing(found, debug=False, home="/opt/splunk") == (
        "[monitor:///opt/splunk/var/log]\nhost = h\n"
        "[script:///opt/splunk/bin/x.sh]\nhost = h\nindex = i\ninterval = 5\n"
    )


def test_what_an_app_exports():
    said = exports(
        [
            read(b"[props/syslog/EXTRACT-pid]\nexport = none\n[transforms]\nexport = none\n"),
            read(
                b"[]\nexport = system\n[transforms]\nexport = system\n[savedsearches/My%20search]\nexport = none\n"
            ),
        ]
    )
    assert said.reaches_others("props", "syslog")
    assert said.reaches_others("props", "syslog", "EXTRACT-other")
    assert not said.reaches_others("props", "syslog", "EXTRACT-pid")
    assert not said.reaches_others("transforms", "any")
    assert not said.reaches_others("savedsearches", "My search")
    assert not exports([]).reaches_others("props", "syslog")
    assert access("read : [ * ], write : [ admin, power ]") == {"read": ["*"], "write": ["admin", "power"]}


NAMES = st.sampled_from(["a", "b", "default", "c://d"])
FILES = st.dictionaries(
    st.sampled_from(GLOBAL),
    st.lists(
        st.tuples(NAMES, st.lists(st.tuples(st.sampled_from("kl"), st.sampled_from("12")), max_size=3)),
        max_size=4,
    ),
    max_size=5,
)


@given(FILES)
def test_every_word_wins_or_is_shadowed_and_the_winner_is_the_strongest(files):
    layers = [
        Layer(
            locate(path),
            path,
            [
                Stanza(
                    name,
                    1,
                    [Setting(key, value, place, place) for place, (key, value) in enumerate(settings, 1)],
                )
                for name, settings in stanzas
            ],
        )
        for path, stanzas in files.items()
    ]
    found = resolve("x", ordered(layers))
    words = sum(len(stanza.settings) for one in layers for stanza in one.stanzas)
    kept = sum(
        1 + len(winner.shadowed) for stanza in found.stanzas.values() for winner in stanza.settings.values()
    )
    assert kept == words
    for stanza in found.stanzas.values():
        for winner in stanza.settings.values():
            strength = rank(locate(winner.path))
            assert all(strength <= rank(locate(one.path)) for one in winner.shadowed)
