"""The products of a vendor by their words."""

from assay.pipelines.feeds.model.extraction import Prose
from assay.pipelines.feeds.model.names import Known
from assay.pipelines.feeds.rules.candidates import add_family, find_candidates
from assay.pipelines.feeds.rules.families import Family
from assay.pipelines.feeds.rules.names import Names
from assay.pipelines.feeds.rules.phrases import Way

TOLD = {"acme rocket server 2019": 3, "acme rocket server 2022": 5, "acme sled server": 9, "shade": 1}


def test_the_nearest_product_shares_the_rarest_words_and_has_the_fewest_others() -> None:
    near = Family(TOLD).nearness(["a", "flaw", "in", "acme", "rocket", "server", "2022"])
    assert max(near, key=lambda name: near[name]) == "acme rocket server 2022"
    assert near["acme rocket server 2019"] > near["acme sled server"]
    assert "shade" not in near


def test_how_a_vendor_names_its_products_is_told_by_their_claims() -> None:
    family = Family(TOLD)
    assert family.begin_so("acme") > 0.9
    assert family.begin_so("shade") < 0.1
    assert family.end_so("server") == 9 / 18.5
    assert family.begin_so("umbrella") == 0
    assert family.claims("shade") == 1
    assert family.most_told[0] == "acme sled server"


def test_a_product_that_the_text_does_not_write_out_is_a_candidate_by_its_likely_vendor() -> None:
    names = Names([Known("acme", name, "Acme", name.title(), claims) for name, claims in TOLD.items()])
    title = "CVE-2026-1: Rocket Server Spoofing Vulnerability"
    found = find_candidates(Prose(text=f"{title}\n\nSpoofing in it.", title_end=len(title)), names)
    assert "acme rocket server 2022" not in found.products
    nearness = add_family(found, names, {"acme": 0.9, "umbrella": 0.05})
    assert found.products["acme rocket server 2022"].ways == Way.FAMILY
    assert nearness["acme rocket server 2022"] > nearness["acme sled server"]


def test_an_unlikely_vendor_brings_nothing_and_a_family_follows_its_dictionary() -> None:
    names = Names([Known("acme", "rocket", "Acme", "Rocket", 1)])
    found = find_candidates(Prose(text="Something happened", title_end=0), names)
    assert add_family(found, names, {"acme": 0.1}) == {}
    assert "rocket" not in found.products
    assert names.family("umbrella") is None
    family = names.family("acme")
    assert family is not None
    assert family.claims("sled") == 0
    names.add(Known("acme", "sled", "Acme", "Sled", 2))
    family = names.family("acme")
    assert family is not None
    assert family.claims("sled") == 2
