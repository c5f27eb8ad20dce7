"""Fits the model of weaknesses that ships with the program, from CVE and OSV records in their public archives' shape.

    python tools/fit_weaknesses.py cve.zip osv.zip

It writes weaknesses.json beside the rules, and needs NumPy, SciPy and scikit-learn, which the program does not.
Records published before FIT_UNTIL fit the weights, those from then until CALIBRATE_UNTIL the curve; later ones are
left for measuring (benchmarks/prose.py). A vulnerability that two archives describe belongs to its earlier day.
"""

import argparse
import json
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_selection import chi2
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from assay.pipelines.feeds.rules.labels import Labelled, of_cve, of_osv
from assay.pipelines.feeds.rules.weaknesses import features, phrases_of

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "src" / "assay" / "pipelines" / "feeds" / "rules" / "weaknesses.json"
FIT_UNTIL, CALIBRATE_UNTIL = "2024-04", "2024-07"
FEWEST = 12
MOST_FEATURES = 5_000
SMALLEST_WEIGHT = 0.12
KNOTS = 12


def records(archive: Path, read: Callable[[bytes], Labelled | None]) -> Iterator[Labelled]:
    with zipfile.ZipFile(archive) as opened:
        for name in sorted(opened.namelist()):
            label = read(opened.read(name)) if name.endswith(".json") else None
            if label is not None and label.cwes and label.published:
                yield label


def matrix(found: list[set[str]], places: dict[str, int]) -> csr_matrix:
    columns, ends = [], [0]
    for one in found:
        columns += [places[feature] for feature in one if feature in places]
        ends.append(len(columns))
    return csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(found), len(places)))


def fitted(texts: list[Labelled]) -> dict[str, object]:
    found = [features(one.text, phrases_of(one.text)) for one in texts]
    fit = [place for place, one in enumerate(texts) if one.published < FIT_UNTIL]
    seen = {texts[place].name for place in fit}
    calibrate = [
        place
        for place, one in enumerate(texts)
        if FIT_UNTIL <= one.published < CALIBRATE_UNTIL and one.name not in seen
    ]
    counts = Counter(texts[place].cwes[0] for place in fit)
    classes = [cwe for cwe, count in counts.most_common() if count >= FEWEST]
    fit = [place for place in fit if texts[place].cwes[0] in set(classes)]
    answers = np.array([classes.index(texts[place].cwes[0]) for place in fit])
    often = Counter(feature for place in fit for feature in found[place])
    names = sorted(feature for feature, count in often.items() if count >= FEWEST)
    rows = matrix([found[place] for place in fit], {name: place for place, name in enumerate(names)})
    kept = np.argsort(-np.nan_to_num(chi2(rows, answers)[0]), kind="stable")[:MOST_FEATURES]
    names = [names[place] for place in sorted(kept)]
    places = {name: place for place, name in enumerate(names)}
    model = LogisticRegression(C=0.15, max_iter=200)
    model.fit(matrix([found[place] for place in fit], places), answers)
    weights = np.where(abs(model.coef_) >= SMALLEST_WEIGHT, np.round(model.coef_ * 100), 0)
    intercepts = np.round(model.intercept_ * 100)

    sums = (matrix([found[place] for place in calibrate], places) @ weights.T + intercepts) / 100
    shares = np.exp(sums - sums.max(axis=1, keepdims=True))
    best = shares.argmax(axis=1)
    share = shares.max(axis=1) / shares.sum(axis=1)
    right = np.array([classes[c] in texts[place].cwes for c, place in zip(best, calibrate, strict=True)])
    curve = IsotonicRegression(y_min=0.02, y_max=0.98, out_of_bounds="clip").fit(share, right)
    steps = np.linspace(0.05, 1.0, KNOTS)
    print(
        f"{len(fit)} texts, {len(classes)} weaknesses, {int((weights != 0).sum())} weights; right {right.mean():.3f}"
    )
    return {
        "source": f"CVE and GHSA records published before {FIT_UNTIL}, the curve from those before {CALIBRATE_UNTIL}",
        "known": sorted({int(cwe[4:]) for one in texts for cwe in one.cwes}),
        "classes": classes,
        "intercepts": [int(one) for one in intercepts],
        "weights": {
            name: [[int(c), int(weights[c, place])] for c in np.flatnonzero(weights[:, place])]
            for place, name in enumerate(names)
            if weights[:, place].any()
        },
        "knots": [
            [round(float(x), 3), round(float(y), 3)] for x, y in zip(steps, curve.predict(steps), strict=True)
        ],
    }


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("cve", type=Path)
    asked.add_argument("osv", type=Path)
    given = asked.parse_args()
    texts = [*records(given.cve, of_cve), *records(given.osv, of_osv)]
    first: dict[str, str] = {}
    for one in texts:
        first[one.name] = min(one.published, first.get(one.name, one.published))
    texts = [one._replace(published=first[one.name]) for one in texts]
    MODEL.write_text(
        json.dumps(fitted(texts), separators=(",", ":"), ensure_ascii=True) + "\n", encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
