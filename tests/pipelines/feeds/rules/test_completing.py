"""What a language model's values make of an extraction: never something that stands where the rules' alone did not."""

from hypothesis import given
from hypothesis import strategies as st

from assay.pipelines.feeds.model.extraction import Doubt, Extraction, Origin, Value
from assay.pipelines.feeds.model.review import State
from assay.pipelines.feeds.rules.completing import completed, left_for_model
from assay.pipelines.feeds.rules.confidence import weighed
from assay.pipelines.feeds.rules.placing import judged

NAMES = st.sampled_from(("Acme", "ACME, Inc.", "Rocket", "Umbrella"))
SURE = st.floats(0.0, 0.99).map(lambda sure: round(sure, 3))
READ = st.builds(Value, value=NAMES, confidence=SURE, is_known=st.booleans())
TOLD = st.builds(Value, value=NAMES, confidence=SURE, origin=st.just(Origin.MODEL))
WEAKNESS = st.builds(Value, value=st.just("CWE-79"), confidence=SURE)
THRESHOLDS = st.sampled_from((0.3, 0.5, 0.8, 0.95))


@st.composite
def read(draw: st.DrawFn) -> Extraction:
    """What the rules may have read."""
    one = Extraction(
        identifier=draw(st.none() | st.just(Value(value="CVE-2024-1", confidence=0.999))),
        vendor=draw(st.none() | READ),
        product=draw(st.none() | READ),
        cwes=tuple(draw(st.lists(WEAKNESS, max_size=1))),
        doubts=tuple(draw(st.sets(st.sampled_from((Doubt.CONFLICT, Doubt.MODEL_FAILED)), max_size=1))),
    )
    return weighed(one, rival=draw(st.sampled_from((0.0, 0.9))))


@given(
    read(),
    st.fixed_dictionaries({}, optional={"vendor": TOLD, "product": TOLD, "weakness": WEAKNESS}),
    THRESHOLDS,
)
def test_whatever_a_model_says_nothing_more_is_accepted(
    said: Extraction, told: dict[str, Value], threshold: float
):
    # It is asked about what the rules left open only, and so are its answers taken.
    values = {name: value for name, value in told.items() if name in left_for_model(said, threshold)}
    found = completed(said, values, threshold)
    if judged(said, threshold) is not State.ACCEPTED:
        assert judged(found, threshold) is not State.ACCEPTED
    for name in ("vendor", "product"):
        before, after = getattr(said, name), getattr(found, name)
        assert _accepted(before, threshold) == _accepted(after, threshold)
    for one in found.cwes:
        assert one in said.cwes or one.confidence < threshold


def _accepted(value: Value | None, threshold: float) -> str | None:
    return value.value if value is not None and value.confidence >= threshold else None


def test_a_model_that_agrees_brings_forward_and_one_that_does_not_holds_back():
    rule = Value(value="Acme", confidence=0.6, is_known=True)
    said = weighed(
        Extraction(
            identifier=Value(value="CVE-2024-1", confidence=0.999),
            vendor=rule,
            product=Value(value="Rocket", confidence=0.95),
        )
    )
    agreed = completed(said, {"vendor": Value(value="acme", confidence=0.5, origin=Origin.MODEL)}, 0.8)
    torn = completed(said, {"vendor": Value(value="Umbrella", confidence=0.5, origin=Origin.MODEL)}, 0.8)
    assert said.confidence < agreed.confidence < 0.8
    assert agreed.doubts == ()
    assert torn.confidence < said.confidence
    assert Doubt.CONFLICT in torn.doubts
