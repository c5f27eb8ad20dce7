"""When a language model is worth its time: where rules found nothing sure, and the text gives it no orders."""

from assay.pipelines.feeds.model.extraction import Doubt, Extraction, Value


def is_worth_asking(said: Extraction, threshold: float) -> bool:
    """Whether a model may fill or confirm what counts. A text that speaks to programs is never shown to one."""
    if Doubt.ORDERS in said.doubts:
        return False
    return any(_is_unsure(one, threshold) for one in (said.vendor, said.product))


def _is_unsure(value: Value | None, threshold: float) -> bool:
    return value is None or value.confidence < threshold
