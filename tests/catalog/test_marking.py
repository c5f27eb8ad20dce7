"""The mark that is kept with the catalog changes whenever the same claims become something else."""

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import msgspec

from assay.bootstrap import Context
from assay.bootstrap.loading import policy_text
from assay.catalog import commands
from assay.catalog.model import Claim, Decisions
from assay.catalog.rules.columns import columns, facet_row, match_row, origin_row
from assay.catalog.rules.marking import RULES_VERSION, merging_mark
from assay.catalog.rules.merged import Held
from assay.catalog.rules.policy import Policy, read_policy
from assay.catalog.rules.replacing import plan_replacements
from assay.catalog.tasks.merging import merge_groups
from assay.domain.versions import ENCODER_VERSION
from assay.errors import BadRecord
from assay.pipelines.advisories.model import RecordSource
from assay.pipelines.advisories.rules import as_listed
from assay.pipelines.advisories.sources import cve, gitlab, osv
from factories import NOW, Arena, a_claim, a_policy, quiet, take

ROOT = Path(__file__).resolve().parents[2]
SHIPPED, _ = policy_text(None)

# What each version of the rules and of the version keys makes of the sample. When this fails because one of them or a
# reader makes something else on purpose, raise RULES_VERSION, or ENCODER_VERSION for keys, and write the new one down.
MADE = {(1, 2): "68d8f70eef34b410"}


def policy(text: str = SHIPPED) -> Policy:
    return read_policy(text, "merge.toml")


def claims_of(source: RecordSource) -> Iterator[Claim]:
    locate = as_listed(source.locate)
    with zipfile.ZipFile(ROOT / "sample" / f"{source.name}.zip") as archive:
        for name in sorted(archive.namelist()):
            record_id = locate(name)
            if record_id is not None:
                try:
                    yield source.read(record_id, archive.read(name))
                except BadRecord:
                    continue


def test_what_the_same_claims_become_has_a_version() -> None:
    claims = [claim for one in (osv.SOURCE, gitlab.SOURCE, cve.SOURCE) for claim in claims_of(one)]
    held = {number: Held(number, claim) for number, claim in enumerate(claims, start=1)}
    plan = plan_replacements(merge_groups(held, Decisions(), policy()), [])
    total = sha256()
    for key, entry in enumerate(plan.replacements, start=1):
        origin = origin_row(entry.merged)
        total.update(entry.merged.document + entry.merged.provenance)
        rows = (
            columns(key, entry, None, NOW, None),
            facet_row(key, entry, None, origin[0], is_remediated=False),
            origin,
            *(match_row(key, entry.merged, row) for row in entry.merged.matches),
            *sorted(entry.merged.commits),
        )
        total.update("\n".join(map(repr, rows)).encode())
    assert len(plan.replacements) > 1_000
    assert total.hexdigest()[:16] == MADE[RULES_VERSION, ENCODER_VERSION]


def test_another_policy_is_another_mark_and_another_spelling_of_it_is_not() -> None:
    assert merging_mark(policy("# my own\n" + SHIPPED)) == merging_mark(policy())
    turned = SHIPPED.replace('"osv", "gitlab", "cve"', '"cve", "gitlab", "osv"')
    assert merging_mark(policy(turned)) != merging_mark(policy())


def test_a_mark_does_not_depend_on_the_order_in_which_fields_are_named() -> None:
    first, second = (
        policy(SHIPPED.partition("[speaks_only_for]")[0] + f"[speaks_only_for]\nkev = {fields}\n")
        for fields in ('["exploited", "summary"]', '["summary", "exploited"]')
    )
    assert merging_mark(first) == merging_mark(second)


def is_merged(ctx: Context) -> bool:
    with ctx.db.transaction() as conn:
        return commands.is_merged_under(conn, ctx.policy)


def test_a_catalog_is_known_to_be_merged_by_one_policy_until_another_merges_a_part(arena: Arena) -> None:
    arena.clear()
    ours = arena.ctx
    theirs = replace(ours, policy=a_policy(priority=["cve", "osv"]))
    assert is_merged(ours)
    assert is_merged(theirs)
    first, second = (a_claim(name, record_id=name) for name in ("GHSA-1", "GHSA-2"))
    take(ours, first)
    take(ours, second)
    assert (is_merged(ours), is_merged(theirs)) == (True, False)
    take(theirs, said_otherwise(second))
    assert (is_merged(ours), is_merged(theirs)) == (False, False)
    take(ours, second)
    assert not is_merged(ours)
    commands.rebuild(theirs, quiet)
    assert (is_merged(ours), is_merged(theirs)) == (False, True)


def test_a_merge_without_anything_to_merge_is_no_merge_by_another_policy(arena: Arena) -> None:
    arena.clear()
    take(arena.ctx, a_claim())
    commands.merge(replace(arena.ctx, policy=a_policy(priority=["cve", "osv"])), quiet)
    assert is_merged(arena.ctx)


def test_a_catalog_that_lost_everything_begins_anew(arena: Arena) -> None:
    arena.clear()
    take(arena.ctx, a_claim())
    theirs = replace(arena.ctx, policy=a_policy(priority=["cve", "osv"]))
    with arena.ctx.db.transaction() as conn:
        conn.execute("DELETE FROM catalog.claims")
    commands.rebuild(theirs, quiet)
    assert is_merged(arena.ctx)
    assert take(theirs, a_claim()).added == 1
    assert (is_merged(arena.ctx), is_merged(theirs)) == (False, True)


def said_otherwise(claim: Claim) -> Claim:
    return msgspec.structs.replace(claim, summary="said otherwise")
