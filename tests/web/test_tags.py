"""Texts that are no versions, and the versions they mean (cases of osv.dev's own tests among them)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.web.api.osv_queries import QueriedPackage, Query, read_query, token_after
from assay.web.api.osv_tags import names_one_of
from assay.web.problems import Refused


@pytest.mark.parametrize(
    ("version", "listed", "repository", "expected"),
    [
        ("1.2.3", ["1.2.3"], "", True),
        ("v1.2.3", ["release-1_2_3"], "", True),
        ("1.2.3", ["1.2.4", "01.2.3"], "", False),
        ("1.0-rc1", ["v1.0-rc1"], "", True),
        ("1.0-rc1", ["1.0"], "", False),
        ("1.0rc1", ["1.0"], "", False),
        (".5", ["0.5"], "", True),
        ("arc1", ["1"], "", True),
        ("Some_Tag", ["some-tag"], "", True),
        ("some tag", ["some-tag"], "", False),
        ("0.8.0", ["openj9-0.8.0"], "github.com/eclipse-openj9/openj9", True),
        ("2.8.0", ["openj9-0.8.0"], "github.com/eclipse-openj9/openj9", False),
        ("0.8.0", ["openj9-0.8.0"], "", False),
        ("1.0", [], "", False),
        ("", ["1.0"], "", False),
    ],
)
def test_a_text_names_a_version(version: str, listed: list[str], repository: str, expected: bool):
    assert names_one_of(version, listed, repository) is expected


@given(st.text(max_size=30))
@settings(max_examples=50)
def test_every_text_names_itself(text: str):
    assert names_one_of(text, ["other", text])


@given(st.integers(min_value=0, max_value=2**62))
def test_a_token_leads_back(key: int):
    query = Query(package=QueriedPackage(name="x", ecosystem="npm"), page_token=token_after(key))
    asked = read_query(query)
    assert asked is not None
    assert asked.after == key


@given(
    st.builds(
        Query,
        *[st.none() | st.text(max_size=20)] * 2,
        st.builds(QueriedPackage, *[st.none() | st.text(max_size=30)] * 3),
        st.none() | st.text(max_size=40),
    )
)
def test_every_query_is_read_or_refused(query: Query):
    try:
        asked = read_query(query)
    except Refused as refused:
        status = refused.status
    else:
        status = 400 if asked is not None and not asked.commit and not asked.name else 200
        assert status == 200
    assert status in {200, 400}
