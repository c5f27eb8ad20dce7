"""Fits the ranking and the calibration of vendor and product on a CVE archive, and writes policy/ranking.json.

    make fit DATA=../shared/data          needs LightGBM and scikit-learn, which `make fit` puts into .clients

No record is seen with anything that was published in its month or later: the dictionary grows month by month, as the
catalog does. Blocks by the day of publication (docs/explanation/confidence.md):

    before 2023-08       dictionary only
    2023-08 to 2024-02   the first forests are fitted; its own scores come from forests without the record
    2024-03 to 2024-05   scored by a forest of the block before, calibrates
    2024-06 to 2024-08   scored by a forest of both blocks before, calibrates
    2024-09 and later    untouched; `benchmarks/extraction.py` measures on it

The forest that ships is fitted on all three blocks.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zipfile import ZipFile

import lightgbm
import msgspec
import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from assay.pipelines.feeds.model.names import Known
from assay.pipelines.feeds.rules import ranking
from assay.pipelines.feeds.rules.candidates import find_candidates
from assay.pipelines.feeds.rules.labelled import Labelled, Pair, from_cve
from assay.pipelines.feeds.rules.learning import learn, lesson_of
from assay.pipelines.feeds.rules.measuring import ACCEPTED
from assay.pipelines.feeds.rules.names import Names, plain_vendor
from assay.pipelines.feeds.rules.ranking import Calibration, Curve, Forest, Model, Tree
from assay.pipelines.feeds.rules.signals import PRODUCT_SIGNALS, VENDOR_SIGNALS, product_rows, vendor_rows

BLOCKS = ("2023-08", "2024-03", "2024-06")
TEST_FROM = "2024-09"
TREES = 250
GROWING = {
    "num_leaves": 15,
    "learning_rate": 0.12,
    "min_data_in_leaf": 40,
    "min_sum_hessian_in_leaf": 1e-6,
    "lambda_l2": 5.0,
    # Each split chooses among limits drawn by chance, one of each signal: less is learnt by heart.
    "extra_trees": True,
    # The same bytes every time.
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
SHARPNESS = 3
"""Of several right candidates the likelier is pulled up more: as the probability to this power. One right answer is all
that is asked for, and twenty editions that share what speaks for them would all lose to something else."""
NOBODY = -2.0
"""What a candidate weighs before the first tree, against `none of them`."""
FOLDS = 3
LIED = 5
"""Of so many records one is fitted a second time, with a false statement put into it."""
LIES = (
    "This issue affects {name} before {version}.",
    "{name} before {version} is vulnerable.",
    "A vulnerability in {name} through {version} allows remote attackers to execute code.",
    "Affected product: {name} {version}.",
)


class Field(NamedTuple):
    """One record's candidates for one field: signals, which are right, what the calibration needs of each."""

    rows: Any
    right: Any
    known: Any
    in_text: Any
    made: Any


class Seen(NamedTuple):
    """One record as the dictionary of its month saw it, and the block it stands in.

    Of a record with a lie put into it the `number` is the record's own. It teaches the forests, and calibrates nothing.
    """

    number: int
    is_lie: bool
    block: int
    names: list[str]
    field: Field


def main() -> None:
    """Read, fit, write, and say how the calibrating blocks went."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("data", type=Path, help="the folder with cve.zip")
    arguments.add_argument("--out", type=Path, default=ranking.MODEL_FILE)
    chosen = arguments.parse_args()
    records = read_archive(chosen.data / "cve.zip")
    packages = read_packages(chosen.data / "osv.zip")
    vendors = list(replay(records, packages, None))
    vendor_model, vendor_scores = fit_field(vendors)
    scores = [
        dict(zip(one.names, told.tolist(), strict=True))
        for one, told in zip(vendors, vendor_scores, strict=True)
    ]
    products = list(replay(records, packages, scores))
    product_model, product_scores = fit_field(products)
    nobody = [1.0 - float(told.sum()) for told in vendor_scores]
    best = [float(told.max()) if len(told) else 0.0 for told in vendor_scores]
    made = [
        bool(len(told)) and one.field.made[likeliest(told)]
        for one, told in zip(products, product_scores, strict=True)
    ]
    vendor_calibration, vendor_told = calibrate(vendors, vendor_scores, nobody, made)
    product_calibration, product_told = calibrate(products, product_scores, best, made, kept_curve)
    report_whole(vendor_told, product_told, vendors)
    model = Model(
        made_of=f"{len(records)} dated CVE records, blocks from {', '.join(BLOCKS)} up to {TEST_FROM}",
        vendor=to_forest(vendor_model, VENDOR_SIGNALS),
        product=to_forest(product_model, PRODUCT_SIGNALS),
        vendor_calibration=vendor_calibration,
        product_calibration=product_calibration,
    )
    chosen.out.write_bytes(msgspec.json.encode(model) + b"\n")
    print(f"{chosen.out}: {chosen.out.stat().st_size:,} bytes")


def read_archive(path: Path) -> list[Labelled]:
    """The dated records of a CVE archive (zip), the oldest first; what is no record of this kind is passed over."""
    with ZipFile(path) as archive:
        read = (from_cve(archive.read(name)) for name in archive.namelist() if name.endswith(".json"))
        found = [one for one in read if one is not None and one.published]
    return sorted(found, key=lambda one: (one.published, one.label.name))


class _Dated(msgspec.Struct):
    published: str = ""


def read_packages(path: Path) -> dict[str, list[Known]]:
    """The packages that an OSV archive names, and who makes them, by the month in which they were named."""
    told: dict[str, list[Known]] = defaultdict(list)
    decoder = msgspec.json.Decoder(_Dated)
    with ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".json"):
                raw = archive.read(name)
                told[decoder.decode(raw).published[:7]] += lesson_of(raw).names
    return told


def replay(
    records: list[Labelled], packages: dict[str, list[Known]], vendor_scores: list[dict[str, float]] | None
) -> Iterator[Seen]:
    """Every record from the first block up to the test, in order, seen with the dictionary of before its month; some
    twice, the second time with a lie in it.
    """
    names, told = Names(), list[Pair]()
    chance = Random(7)
    by_month: dict[str, list[Labelled]] = defaultdict(list)
    for one in records:
        by_month[one.published[:7]].append(one)
    count = 0
    for month in sorted(by_month.keys() | packages.keys()):
        if month >= TEST_FROM:
            return
        for number, one in enumerate(by_month[month] if month >= BLOCKS[0] else ()):
            for text in (one, lied_to(one, told, chance)) if number % LIED == 0 else (one,):
                scores = None if vendor_scores is None else vendor_scores[count]
                yield see(text, names, scores, month)._replace(number=number, is_lie=text is not one)
                count += 1
        learn(names, by_month[month])
        told += [pair for one in by_month[month] for pair in one.truth.cna if all(pair)]
        for row in packages.get(month, ()):
            names.add(row)


def lied_to(one: Labelled, told: list[Pair], chance: Random) -> Labelled:
    """The record with a statement that it affects some other vendor's product, before or behind what it says."""
    vendor, product = chance.choice(told)
    while plain_vendor(vendor) in one.truth.vendors:
        vendor, product = chance.choice(told)
    name = product if product.lower().startswith(vendor.lower()) else f"{vendor} {product}"
    version = f"{chance.randrange(1, 20)}.{chance.randrange(20)}.{chance.randrange(10)}"
    lie = chance.choice(LIES).format(name=name, version=version)
    title, body = one.prose.text[: one.prose.title_end], one.prose.text[one.prose.title_end :].strip()
    parts = (title, lie, body) if chance.random() < 0.5 else (title, body, lie)
    return replace(one, prose=msgspec.structs.replace(one.prose, text="\n\n".join(parts)))


def see(one: Labelled, names: Names, scores: dict[str, float] | None, month: str) -> Seen:
    """One text's candidates for the vendor, or for the product where the vendors' scores are given."""
    found = find_candidates(one.prose, names)
    likely = min(scores, key=lambda name: (-scores[name], name)) if scores else ""
    if scores is None:
        pairs, true, known = vendor_rows(found, names), one.truth.vendors, names.knows_vendor
    else:
        pairs, true, known = (
            product_rows(found, names, scores),
            one.truth.products,
            names.products.__contains__,
        )
    return Seen(
        number=0,
        is_lie=False,
        block=sum(month >= start for start in BLOCKS) - 1,
        names=[candidate.name for candidate, _ in pairs],
        field=Field(
            rows=np.array([row for _, row in pairs], dtype=np.float64),
            right=np.array([candidate.name in true for candidate, _ in pairs]) if true else None,
            known=[known(candidate.name) for candidate, _ in pairs],
            in_text=[bool(candidate.places) for candidate, _ in pairs],
            made=[likely in names.vendors_making(candidate.name).told for candidate, _ in pairs],
        ),
    )


def fit_field(seen: list[Seen]) -> tuple[lightgbm.Booster, list[Any]]:
    """A forest for one field, and every record's scores by a forest that did not see it, nor anything later."""
    usable = [i for i, one in enumerate(seen) if one.field.right is not None and one.names]
    scores: list[Any] = [np.zeros(0)] * len(seen)
    first = [i for i in usable if seen[i].block == 0]
    for fold in range(FOLDS):
        forest = new_forest(seen, [i for i in first if seen[i].number % FOLDS != fold])
        chosen = [i for i, one in enumerate(seen) if one.block == 0 and one.number % FOLDS == fold]
        score_into(scores, forest, seen, chosen)
    for block in range(1, len(BLOCKS)):
        forest = new_forest(seen, [i for i in usable if seen[i].block < block])
        score_into(scores, forest, seen, [i for i, one in enumerate(seen) if one.block == block])
    return new_forest(seen, usable), scores


def new_forest(seen: list[Seen], chosen: list[int]) -> lightgbm.Booster:
    """A forest fitted on the candidates of some records: gradient boosting on the loss of a multinomial choice between
    a record's candidates and `none of them`. Any of several right ones is as good.
    """
    rows, starts, of = gather(seen, chosen)
    right = np.concatenate([seen[i].field.right for i in chosen]).astype(float)

    def slope(totals: Any, _: lightgbm.Dataset) -> tuple[Any, Any]:
        told = compete(totals, starts, of)
        told_right = told**SHARPNESS * right
        all_right = np.add.reduceat(told_right, starts)[of]
        wanted = np.divide(told_right, all_right, out=np.zeros_like(told), where=all_right > 0)
        return told - wanted, np.maximum(told * (1 - told), 1e-6)

    candidates = lightgbm.Dataset(rows, label=right, init_score=np.full(len(rows), NOBODY))
    return lightgbm.train({**GROWING, "objective": slope}, candidates, num_boost_round=TREES)


def gather(seen: list[Seen], chosen: list[int]) -> tuple[Any, Any, Any]:
    """The rows of some records' candidates, the place of each record's first, and each row's record."""
    rows = np.concatenate([seen[i].field.rows for i in chosen])
    counts = np.array([len(seen[i].names) for i in chosen])
    return rows, np.cumsum(counts) - counts, np.repeat(np.arange(len(counts)), counts)


def compete(totals: Any, starts: Any, of: Any) -> Any:
    """The probability of each candidate among its record's, as `ranking.shares` says."""
    most = np.maximum(np.maximum.reduceat(totals, starts), 0)
    told = np.exp(totals - most[of])
    return told / (np.add.reduceat(told, starts) + np.exp(-most))[of]


def score_into(scores: list[Any], forest: lightgbm.Booster, seen: list[Seen], chosen: list[int]) -> None:
    """Write the scores of some records' candidates to their places."""
    filled = [i for i in chosen if seen[i].names]
    if not filled:
        return
    rows, starts, of = gather(seen, filled)
    told = compete(NOBODY + forest.predict(rows, num_threads=1), starts, of)
    for i, start in zip(filled, starts, strict=True):
        scores[i] = told[start : start + len(seen[i].names)]


def likeliest(scores: Any) -> int:
    """The place of the first choice."""
    return int(np.argmax(scores))


def calibrate(
    seen: list[Seen],
    scores: list[Any],
    beside: list[float],
    made: list[bool],
    draw: Callable[[Any, Any, Any], Curve] | None = None,
) -> tuple[Calibration, list[tuple[float, bool] | None]]:
    """A field's calibration on the later blocks; every record's probability, and whether its choice is right."""
    signals, right, places = [], [], []
    for i, one in enumerate(seen):
        if one.block == 0 or one.is_lie or one.field.right is None or not one.names:
            continue
        first = likeliest(scores[i])
        second = np.delete(scores[i], first)
        choice = ranking.Choice(
            score=float(scores[i][first]),
            second=float(second.max()) if len(second) else 0.0,
            beside=beside[i],
            is_known=one.field.known[first],
            is_in_text=one.field.in_text[first],
            is_made=made[i],
        )
        signals.append(choice.signals())
        right.append(bool(one.field.right[first]))
        places.append(i)
    line = LogisticRegression(C=1.0, max_iter=5000).fit(np.array(signals), right)
    weights = (float(line.intercept_[0]), *(float(weight) for weight in line.coef_[0]))
    sums = np.array(signals) @ line.coef_[0] + line.intercept_[0]
    curve = draw and draw(sums, np.array(right), np.array([seen[i].block for i in places]))
    calibration = Calibration(weights=tuple(round(weight, 5) for weight in weights), curve=curve)
    told: list[tuple[float, bool] | None] = [None] * len(seen)
    for i, signal, is_right in zip(places, signals, right, strict=True):
        told[i] = (calibration.read(signal), is_right)
    report([one for one in told if one is not None])
    return calibration, told


def kept_curve(sums: Any, right: Any, blocks: Any) -> Curve:
    """What every block kept: the lower of the blocks' own curves, for the next block may be like the worse one."""
    curves = [
        to_curve(sums[blocks == block], right[blocks == block]) for block in sorted(set(blocks.tolist()))
    ]
    at = sorted({knot for curve in curves for knot in curve.at})
    return Curve(
        at=tuple(at), right=tuple(round(min(curve.read(knot) for curve in curves), 4) for knot in at)
    )


def to_curve(sums: Any, right: Any) -> Curve:
    """A rising curve through 40 knots, each the mean of neighbours, so that no step is made of a few records."""
    order = np.argsort(sums, kind="stable")
    groups = [part for part in np.array_split(order, 40) if len(part)]
    at = np.array([sums[part].mean() for part in groups])
    share = np.array([(right[part].sum() + 0.5) / (len(part) + 1) for part in groups])
    share = IsotonicRegression(out_of_bounds="clip").fit(at, share).predict(at)
    at, first = np.unique(np.round(at, 4), return_index=True)
    return Curve(at=tuple(at.tolist()), right=tuple(np.round(share[first], 4).tolist()))


def to_forest(fitted: lightgbm.Booster, signals: tuple[str, ...]) -> Forest:
    """A fitted forest as plain lists."""
    trees = []
    for tree in fitted.dump_model()["tree_info"]:
        nodes: Tree = ([], [], [], [])
        _lay_out(tree["tree_structure"], nodes)
        trees.append(nodes)
    return Forest(signals=signals, base=NOBODY, trees=tuple(trees))


def _lay_out(node: dict[str, Any], nodes: Tree) -> int:
    """Put a node and what is below it behind what is there already; its place."""
    asked, limits, low, high = nodes
    place = len(asked)
    is_leaf = "split_feature" not in node
    asked.append(-1 if is_leaf else node["split_feature"])
    limits.append(round(node["leaf_value" if is_leaf else "threshold"], 5))
    low.append(0)
    high.append(0)
    if not is_leaf:
        low[place] = _lay_out(node["left_child"], nodes)
        high[place] = _lay_out(node["right_child"], nodes)
    return place


def report(told: list[tuple[float, bool]]) -> None:
    """How the first choices of the calibrating blocks went."""
    accepted = [right for confidence, right in told if confidence >= ACCEPTED]
    counts = Counter(right for _, right in told)
    caught = counts[False] - accepted.count(False)
    print(
        f"calibrating blocks: {counts[True] / len(told):.1%} right of {len(told)}; at {ACCEPTED}: "
        f"{len(accepted) / len(told):.1%} covered, {sum(accepted) / max(len(accepted), 1):.1%} right, "
        f"{caught / max(counts[False], 1):.1%} of the wrong ones left",
        file=sys.stderr,
    )


def report_whole(vendors: list[Any], products: list[Any], seen: list[Seen]) -> None:
    """How whole records went in each calibrating block."""
    for block in range(1, len(BLOCKS)):
        report(
            [
                (vendor[0] * product[0], vendor[1] and product[1])
                for vendor, product, one in zip(vendors, products, seen, strict=True)
                if vendor and product and one.block == block
            ]
        )


if __name__ == "__main__":
    main()
