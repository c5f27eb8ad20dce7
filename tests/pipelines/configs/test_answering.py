"""Questions to real runs: what holds, where data goes, what changed, what is wrong."""

import re
from collections import Counter
from pathlib import Path

import pytest

from assay.errors import NotFound, Permanent
from assay.pipelines.advisories.commands import Request, sync
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import answering, exporting, installed, uploading
from assay.pipelines.configs.model import Run
from assay.pipelines.configs.rules import linting
from pipelines.configs.making import SAMPLE, note, parsed


@pytest.fixture(scope="module")
def sample(ctx) -> Run:
    run = note(ctx, SAMPLE.read_bytes(), file_name=SAMPLE.name, label="sample", is_deferred=False).run
    return uploading.parse_now(ctx, run, lambda _: None)


@pytest.fixture
def conn(ctx):
    with ctx.db.transaction() as conn:
        yield conn


def test_what_holds_and_what_it_shadows(conn, sample):
    found = answering.effective(conn, sample, "inputs.conf")
    [stanza] = answering.shown(found, ["monitor:///var/log/messages"], is_expanded=True)
    settings = {one["key"]: one for one in stanza["settings"]}
    assert (settings["index"]["value"], settings["index"]["path"]) == (
        "os",
        "etc/apps/000_org_base/local/inputs.conf",
    )
    assert [one["inherited_from"] for one in settings["index"]["shadowed"]] == ["default"]
    assert settings["host"]["inherited_from"] == "default"
    assert settings["host"]["path"] == "etc/system/local/inputs.conf"
    # Only some stanzas are loaded, with what they inherit.
    part = answering.effective(conn, sample, "inputs", stanzas=["monitor:///var/log/messages"])
    assert answering.shown(part, ["monitor:///var/log/messages"], is_expanded=True) == [stanza]


def test_a_run_of_before_files_were_kept_whole_is_read_from_its_rows(ctx):
    content = SAMPLE.read_bytes()
    run = note(ctx, content, file_name=SAMPLE.name, label="old", is_deferred=False).run
    run = uploading.parse_now(ctx, run, lambda _: None)
    with ctx.db.transaction() as conn:
        confs = [one.conf for one in queries.list_confs(conn, run)]
        whole = {conf: queries.load_files(conn, run.number, conf) for conf in confs}
        held = {conf: answering.effective(conn, run, conf) for conf in ("props", "transforms", "inputs")}
        conn.execute("DELETE FROM configs.contents WHERE run = %s AND file %% 2 = 0", (run.number,))
        for conf in confs:
            assert queries.load_files(conn, run.number, conf) == whole[conf]
        conn.execute("DELETE FROM configs.contents WHERE run = %s", (run.number,))
        for conf in confs:
            assert queries.load_files(conn, run.number, conf) == whole[conf]
        for conf, found in held.items():
            assert answering.effective(conn, run, conf) == found


def test_what_is_asked_for_and_not_there(conn, sample):
    with pytest.raises(NotFound, match=r"no nothing.conf; it has .*inputs"):
        answering.effective(conn, sample, "nothing")
    with pytest.raises(NotFound, match="no run is called"):
        queries.find_run(conn, "nobody's")
    with pytest.raises(NotFound, match="not listed in types"):
        answering.typed(conn, sample, "limits")
    with pytest.raises(Permanent, match="no target is called"):
        answering.view_of(conn, sample, target="moon")
    with pytest.raises(Permanent, match="name the app"):
        answering.view_of(conn, sample, target="instance", user="bob")


def test_a_run_is_found_by_what_people_say(conn, sample):
    assert queries.find_run(conn, "sample").id == sample.id
    assert queries.find_run(conn, str(sample.id)[:8]).id == sample.id
    assert queries.find_run(conn, str(sample.id).upper()).id == sample.id
    for name in ("%", "____", "sample%"):
        with pytest.raises(NotFound):
            queries.find_run(conn, name)


def test_a_disabled_app_takes_no_part(ctx):
    run = parsed(
        ctx,
        {
            "etc/apps/off/local/app.conf": "[install]\nstate = disabled\n",
            "etc/apps/off/default/app.conf": "[install]\nstate = enabled\n",
            "etc/apps/off/local/inputs.conf": "[monitor:///x]\nindex = off\n",
            "etc/apps/on/local/inputs.conf": "[monitor:///x]\nindex = on\n",
        },
    )
    with ctx.db.transaction() as conn:
        found = answering.effective(conn, run, "inputs")
        assert found.value("monitor:///x", "index") == "on"
        assert found.stanzas["monitor:///x"].settings["index"].hides is None
        assert answering.effective(conn, run, "app").value("install", "state") == "disabled"


def test_the_context_of_an_app_sees_what_others_export(ctx):
    run = parsed(
        ctx,
        {
            "etc/apps/shares/default/macros.conf": "[seen]\ndefinition = a\n[hidden]\ndefinition = b\n",
            "etc/apps/shares/metadata/default.meta": "[]\nexport = system\n[macros/hidden]\nexport = none\n",
            "etc/apps/keeps/default/macros.conf": "[kept]\ndefinition = c\n",
            "etc/apps/search/local/macros.conf": "[mine]\ndefinition = d\n",
            "etc/users/bob/search/local/macros.conf": "[mine]\ndefinition = bobs\n",
        },
    )
    with ctx.db.transaction() as conn:

        def seen(**said):
            view = answering.view_of(conn, run, target="instance", **said)
            found = answering.effective(conn, run, "macros", view)
            return {name: found.value(name, "definition") for name in sorted(found.stanzas)}

        assert seen(app="search") == {"mine": "d", "seen": "a"}
        assert seen(app="search", user="bob") == {"mine": "bobs", "seen": "a"}
        assert seen(app="keeps") == {"kept": "c", "seen": "a"}
        assert seen() == {"hidden": "b", "kept": "c", "mine": "d", "seen": "a"}


def test_what_a_client_is_given(conn, sample):
    view = answering.view_of(conn, sample, target="instance", server_class="web_tier")
    assert view.apps == {"org_all_outputs", "org_web_inputs"}
    found = answering.effective(conn, sample, "outputs", view)
    assert {one.path for one in found.stanzas.values()} == {
        "etc/deployment-apps/org_all_outputs/local/outputs.conf"
    }
    with pytest.raises(NotFound):
        answering.view_of(conn, sample, target="instance", server_class="nobody")
    clients = [
        answering.Client("web7.example.test", machine_type="linux-x86_64"),
        answering.Client("x", ip="10.1.2.9", machine_type="windows-x64"),
        answering.Client("lab-1", machine_type="linux-x86_64"),
        answering.Client("dc-test-1", machine_type="windows-x64"),
    ]
    classes = answering.server_classes(conn, sample, clients)
    assert {one.name: one.clients for one in classes} == {
        "all_linux": ("web7.example.test", "lab-1"),
        "all_windows": ("x",),
        "web_tier": ("web7.example.test", "x"),
        "missing_app": ("web7.example.test", "x", "dc-test-1"),
    }
    given = answering.deliveries(classes, clients)
    assert given["x"]["org_web_inputs"] == ["web_tier"]
    assert "org_web_inputs" not in given["lab-1"]


def test_search(conn, sample):
    [hit] = queries.search(conn, sample, text="WEBB_typo")
    assert (hit.conf, hit.stanza, hit.key, hit.line) == ("transforms", "org_web_index", "FORMAT", 14)
    assert queries.search(conn, sample, regex=r"^webb_\w+$") == [hit]
    assert queries.search(conn, sample, text="webb_typo", conf="props") == []
    assert queries.search(conn, sample, text="webb_typo", app="ThreatHunting") == []
    assert queries.search(conn, sample, text="100%_no") == []
    assert len(queries.search(conn, sample, text="index", limit=3)) == 3
    with pytest.raises(Permanent, match="no regular expression"):
        queries.search(conn, sample, regex="(")


def test_typed_lists(conn, sample):
    outputs = {one.name: one for one in answering.typed(conn, sample, "outputs")}
    assert outputs["tcpout:primary_indexers"].fields == {
        "server": ["idx1.example.test:9997", "idx2.example.test:9997"],
        "useACK": True,
    }
    indexes = {one.name: one.fields for one in answering.typed(conn, sample, "indexes.conf")}
    assert indexes["os"]["maxTotalDataSizeMB"] == 5000
    # The cluster's manager says so, which outranks the [default] of 000_org_base.
    assert indexes["os"]["frozenTimePeriodInSecs"] == 31536000
    assert indexes["web"]["frozenTimePeriodInSecs"] == 7776000
    assert {one.app for one in answering.typed(conn, sample, "inputs")} >= {"000_org_base", ""}
    # What is stored is what the layers come to now, for every configuration that is listed in types.
    for kind in answering.KINDS:
        stored = {one.name: one.fields for one in answering.typed(conn, sample, kind)}
        disabled = queries.View(has_disabled=True)
        fresh = {one.name: one.fields for one in answering.typed(conn, sample, kind, disabled)}
        # The one app of the sample that is disabled has no settings but in app.conf.
        assert stored == fresh


def test_data_routes(conn, sample):
    graph = answering.data_routes(conn, sample)
    ways = {(edge.source, edge.target): edge for edge in graph.edges}
    secure = "input:monitor:///var/log/secure"
    # `system/local` outranks the app that says `security`.
    assert not ways[secure, "index:os"].is_possible
    assert (secure, "index:security") not in ways
    assert ways["transform:org_route_security", "index:security"].is_possible
    assert ways["transform:org_drop_debug", "queue:nullQueue"].is_possible
    assert (secure, "output:tcpout:primary_indexers") in ways
    assert ("output:tcpout:primary_indexers", "server:idx1.example.test:9997") in ways
    assert graph.nodes["index:missing_index"].is_missing
    assert not graph.nodes["index:security"].is_missing
    part = answering.data_routes(conn, sample, around="org_drop_debug")
    assert set(part.nodes) < set(graph.nodes)
    assert "queue:nullQueue" in part.nodes
    assert "index:os" not in part.nodes
    text = answering.mermaid(part)
    assert text.startswith("flowchart LR\n")
    assert '-.->|"queue"|' in text


def test_a_diagram_survives_every_name(ctx):
    run = parsed(ctx, {"etc/system/local/inputs.conf": '[monitor:///a"]|{x}<b>]\nindex = `x`\n'})
    with ctx.db.transaction() as conn:
        text = answering.mermaid(answering.data_routes(conn, run))
    assert not set("<>`{}|") & set(text.replace("-->|", "").replace('"| n', "").replace("[(", "")) - {"|"}
    assert "#34;" in text


BEFORE = {
    "etc/apps/a/default/props.conf": "[s]\nk = 1\nTRUNCATE = 10\n",
    "etc/apps/a/local/props.conf": "[s]\nTRUNCATE = 99\n",
    "etc/apps/b/local/props.conf": "[s]\nmoves = x\n[gone]\nk = 1\n",
}
AFTER = {
    "opt/splunk/etc/apps/a/default/props.conf": "[s]\nk = 2\nTRUNCATE = 20\nnew = 1\n",
    "opt/splunk/etc/apps/a/local/props.conf": "[s]\nTRUNCATE = 99\n",
    "opt/splunk/etc/apps/c/local/props.conf": "[s]\nmoves = x\n",
}


def test_what_changed(ctx):
    before, after = parsed(ctx, BEFORE), parsed(ctx, AFTER)
    with ctx.db.transaction() as conn:

        def seen(**said):
            found = answering.differences(conn, before, after, **said)
            return {(one.stanza, one.key, one.change.value): (one.before, one.after) for one in found}

        assert seen(only_effective=False) == {
            ("s", "k", "changed"): ("1", "2"),
            ("s", "TRUNCATE", "changed"): ("10", "20"),
            ("s", "new", "added"): (None, "1"),
            ("s", "moves", "moved"): ("x", "x"),
            ("gone", "k", "removed"): ("1", None),
        }
        # The changed default is hidden by local, so nothing else holds.
        assert ("s", "TRUNCATE", "changed") not in seen(only_effective=True)
        assert ("s", "moves", "moved") in seen(only_effective=True)
        assert seen(only_effective=False, conf="inputs") == {}
        assert answering.differences(conn, before, before, only_effective=False) == []
        [hidden] = [one for one in answering.lint(conn, after, before) if one.rule == "local-hides-upgrade"]
        assert (hidden.key, hidden.message) == (
            "TRUNCATE",
            "the default went from '10' to '20', and local keeps '99'",
        )


def test_lint_finds_what_was_planted(conn, sample):
    found = answering.lint(conn, sample)
    by_rule = Counter(one.rule for one in found)
    grades = [answering.SEVERITIES.index(one.severity) for one in found]
    assert grades == sorted(grades)
    assert len(set(grades)) > 1
    assert {one.stanza for one in found if one.rule == "undefined-index"} == {
        "monitor:///var/log/app/*.log",
        "org_web_index",
    }
    assert {one.stanza.rpartition(":")[2] for one in found if one.rule == "missing-app"} == {
        *("Splunk_TA_nix", "Splunk_TA_windows", "this_app_does_not_exist")
    }
    # None of the 3,811 settings of these real files is called unknown.
    assert by_rule["unknown-setting"] == 0
    assert by_rule["misspelt-setting"] == 0


def test_lint_of_what_is_wrong(ctx):
    run = parsed(
        ctx,
        {
            "etc/apps/a/local/props.conf": (
                "[s]\nTRANSFORMS-a = there, nowhere, off_only\nSHOULD_LINEMERG = 1\nshould_linemerge = 0\n"
            ),
            "etc/apps/a/local/transforms.conf": "[there]\nREGEX = .\nDEST_KEY = _TCP_ROUTING\nFORMAT = no_group\n",
            "etc/apps/off/default/transforms.conf": "[off_only]\nREGEX = x\n",
            "etc/apps/off/local/app.conf": "[install]\nstate = disabled\n",
            "etc/apps/a/local/inputs.conf": "[monitor:///x]\ndisabled = 0\n",
            "etc/apps/b/local/inputs.conf": "[monitor:///x/]\nindex = main\n",
            "etc/apps/b/local/passwords.conf": "[credential::x:]\npassword = hunter22\n",
            "etc/apps/b/README/b_settings.conf.spec": "[main]\nknown = <string>\n",
            "etc/apps/b/local/b_settings.conf": "[main]\nknown = 1\nunknown_one = 2\n[other]\nfree = 3\n",
            "etc/apps/b/default/b_settings.conf": "[main]\nknown = 1\n",
        },
    )
    with ctx.db.transaction() as conn:
        found = {(one.rule, one.conf, one.stanza, one.key): one.message for one in answering.lint(conn, run)}
    assert found == {
        ("dangling-transform", "props", "s", "TRANSFORMS-a"): "the transform nowhere is defined nowhere",
        (
            "in-disabled-app",
            "props",
            "s",
            "TRANSFORMS-a",
        ): "the transform off_only is defined only in an app that is disabled",
        ("misspelt-setting", "props", "s", "SHOULD_LINEMERG"): "did you mean SHOULD_LINEMERGE?",
        ("misspelt-setting", "props", "s", "should_linemerge"): "did you mean SHOULD_LINEMERGE?",
        ("dangling-output", "transforms", "there", "FORMAT"): "there is no [tcpout:no_group] in outputs.conf",
        ("duplicate-input", "inputs", "monitor:///x", ""): "2 places configure this input: a, b",
        (
            "plain-secret",
            "passwords",
            "credential::x:",
            "password",
        ): "a secret stands here that is not encrypted",
        ("unknown-setting", "b_settings", "main", "unknown_one"): "b_settings.conf.spec does not know it",
        ("local-repeats-default", "b_settings", "main", "known"): (
            "local says what default says: the next upgrade's default will be hidden"
        ),
    }


def test_lint_keeps_quiet_where_nothing_can_be_told(ctx):
    """What raised false alarms on a real tree: files of lookups, and names that differ by a word."""
    run = parsed(
        ctx,
        {
            "etc/apps/a/default/props.conf": "[s]\nLOOKUP-a = codes.csv code OUTPUT text\nLOOKUP-b = gone code\n",
            "etc/apps/a/README/inputs.conf.spec": "[x://<name>]\ninput_two_checkbox = <bool>\n",
            "etc/apps/a/default/inputs.conf": "[x://y]\ninput_one_checkbox = 1\ninput_two_chekbox = 1\n",
        },
    )
    with ctx.db.transaction() as conn:
        found = answering.lint(conn, run)
    assert {(one.rule, one.key) for one in found} == {
        ("dangling-transform", "LOOKUP-b"),
        ("misspelt-setting", "input_two_chekbox"),
    }


LOOKUPS = {
    "etc/apps/a/default/transforms.conf": (
        "[there]\nfilename = lookups/there.csv\n[gone]\nfilename = gone.csv\n[model]\nfilename = m.mlmodel\n"
        "[written]\nfilename = written.csv\n[by_name]\nfilename = other.csv\n[kv]\ncollection = k\n"
    ),
    "etc/apps/b/default/transforms.conf": "[shared]\nfilename = there.csv\n[alien]\nfilename = alien.csv.gz\n",
    "etc/apps/b/default/props.conf": '[s]\nLOOKUP-a = codes.csv code OUTPUT text\nLOOKUP-b = "there.csv" x\n',
    "etc/apps/a/default/savedsearches.conf": ("[s]\nsearch = x | outputlookup append=true written.csv | y\n"),
    "etc/apps/a/default/macros.conf": "[m]\ndefinition = outputlookup by_name\n",
    "etc/system/default/transforms.conf": "[shipped]\nfilename = shipped.csv\n",
}


def test_around_a_sourcetype_is_where_its_inputs_send_what_no_transform_takes(conn, sample):
    part = answering.data_routes(conn, sample, around="linux_secure")
    assert {
        "index:os",
        "index:security",
        "queue:nullQueue",
        "server:idx1.example.test:9997",
    } <= part.nodes.keys()
    assert [node.name for node in part.nodes.values() if node.kind == "input"] == [
        "monitor:///var/log/secure"
    ]
    props = answering.data_routes(conn, sample).at("props:linux_secure")
    assert set(part.nodes) - set(props.nodes) == {"sourcetype:linux_secure"}
    only = answering.data_routes(conn, sample).at("index:security")
    assert "index:os" not in only.nodes


def test_files_of_lookups_that_are_not_there(ctx):
    without = parsed(ctx, LOOKUPS)
    elsewhere = parsed(ctx, LOOKUPS, {"etc/deployment-apps/a/lookups/x.csv": "x\n"})
    packed = parsed(ctx, LOOKUPS, {"etc/apps/a/lookups/there.csv": "code,text\n"})
    with ctx.db.transaction() as conn:
        for run in (without, elsewhere):
            assert [one for one in answering.lint(conn, run) if one.rule == "missing-lookup-file"] == []
        found = [one for one in answering.lint(conn, packed) if one.rule == "missing-lookup-file"]
    assert {(one.severity, one.conf, one.stanza, one.key, one.line, one.message) for one in found} == {
        *(
            (severity, conf, stanza, key, line, f"no folder of lookups in the archive holds {file}")
            for severity, conf, stanza, key, line, file in [
                ("warning", "transforms", "gone", "filename", 4, "gone.csv"),
                ("hint", "transforms", "alien", "filename", 4, "alien.csv.gz"),
                ("hint", "props", "s", "LOOKUP-a", 2, "codes.csv"),
            ]
        ),
    }


def test_every_rule_is_explained():
    """In the module of the rules only they are called by words with hyphens."""
    raised = re.findall(r'"([a-z]+(?:-[a-z]+)+)"', Path(linting.__file__).read_text(encoding="utf-8"))
    assert set(raised) == answering.RULES.keys()


def test_splunk_and_its_apps_are_looked_up_in_the_catalog(ctx):
    """With three records of the CVE list as they are; one does not name Splunk in its title."""
    asked = {"cve": Request(origin=str(Path(__file__).with_name("splunk-cves.zip")))}
    done = sync(ctx, asked, retention=ctx.settings.retention, progress=lambda *_: None)
    assert done.is_good, done
    run = parsed(
        ctx,
        {
            "etc/splunk.version": "VERSION=9.2.0\nBUILD=x\n",
            "etc/apps/a/default/app.conf": "[launcher]\nversion = 1.0\n",
            "etc/apps/b/local/x.conf": "k = v",
            "etc/apps/SplunkEnterpriseSecuritySuite/default/app.conf": (
                "[launcher]\nversion = 7.1.0\n[ui]\nlabel = Enterprise Security\n"
            ),
            "etc/apps/c/backup/etc/splunk.version": "VERSION=1.0\n",
        },
    )
    with ctx.db.transaction() as conn:
        found = {one.name: one for one in installed.installed(conn, run).apps}
    assert found["a"].purl == "pkg:generic/splunkbase/a@1.0"
    assert (found["b"].version, found["b"].vulnerabilities) == (None, ())
    own = found["splunk"]
    assert (own.version, own.purl, own.area) == ("9.2.0", "pkg:generic/splunk@9.2.0", "system")
    assert [(one.name, one.fixed, one.is_unknown) for one in own.vulnerabilities] == [
        ("CVE-2024-36982", "9.2.2", False)
    ]
    [security] = found["SplunkEnterpriseSecuritySuite"].vulnerabilities
    assert (security.name, security.fixed, security.confidence) == ("CVE-2024-22165", "7.1.2", 0.6)
    assert run.counts["apps"] == 3


def test_exports(conn, sample):
    found = answering.effective(conn, sample, "outputs")
    rows = exporting.effective_rows("outputs", answering.shown(found, found.stanzas, is_expanded=False))
    text = exporting.as_csv(exporting.EFFECTIVE_COLUMNS, rows)
    assert text.splitlines()[0] == "conf,stanza,key,value,path,line,inherited_from,shadowed"
    assert "outputs,tcpout,defaultGroup,primary_indexers,etc/system/local/outputs.conf,2,," in text
    assert exporting.as_csv(["a", "b"], [{"a": "=cmd()", "b": "-5"}]) == "a,b\r\n'=cmd(),-5\r\n"
    report = exporting.report(conn, sample)
    for part in ("## Apps", "## Server classes", "## Findings", "```mermaid", "## Configurations"):
        assert part in report
    listing = answering.listing(found, home="/opt/splunk")
    assert "/opt/splunk/etc/system/local/outputs.conf" in listing
