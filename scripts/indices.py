#!/usr/bin/env python3
"""Makes the table of spectral indices and the values that its test compares with.

Both come from spyndex (MIT), in the version below. The build does not need this script: what it
writes is committed. Run it again after a change of the table:

    python3 -m venv .cache/spyndex && .cache/spyndex/bin/pip install spyndex==0.12.0 numpy
    .cache/spyndex/bin/python scripts/indices.py

recipes/indices.tsv has one index a line: the name of the recipe, spyndex's name, the long name, the
expression, its constants, the reference. docs/INDICES.md shows them to a reader.
common/tests/data/index-values.tsv has digital numbers of twelve bands, and what spyndex computes
from them in float64.
"""

import json
import random
import re
import sys
from importlib.metadata import version
from pathlib import Path

import numpy
import spyndex

VERSION = "0.12.0"
ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "recipes/indices.tsv"
PAGE = ROOT / "docs/INDICES.md"
VALUES = ROOT / "common/tests/data/index-values.tsv"

BANDS = ["A", "B", "G", "R", "RE1", "RE2", "RE3", "N", "N2", "WV", "S1", "S2"]

# Letters of the bands that Landsat has too, and those that only Landsat 8 and 9 have.
LANDSAT = {"B", "G", "R", "N", "S1", "S2"}
LANDSAT_OLI = LANDSAT | {"A"}

# Centre wavelengths of Sentinel-2A in nm, as spyndex has them; only the test needs them here.
WAVELENGTHS = {
    "lambdaG": 559.8,
    "lambdaR": 664.6,
    "lambdaN": 832.8,
    "lambdaN2": 864.7,
    "lambdaS1": 1613.7,
    "lambdaS2": 2202.4,
}

# Names that differ only in case from another index get one of their own.
RENAMED = {
    "BAI": "bai-burn",
    "BaI": "bai-soil",
    "MSR705": "msr705-750",
    "mSR705": "msr705-445",
}

# Recipes that spyndex knows by another name or with another constant: name, spyndex's name, long
# name, constants.
OURS = [
    ("ndre", "NDREI", "Normalized Difference Red Edge", {}),
    ("savi", "SAVI", "Soil-Adjusted Vegetation Index", {"L": 0.5}),
]

VECTORS = 20


def table():
    """All indices that Sentinel-2's bands allow: (name, short name, title, formula, constants,
    reference), by name."""
    folder = Path(spyndex.__file__).parent / "data"
    indices = json.loads((folder / "spectral-indices-dict.json").read_text())["SpectralIndices"]
    constants = json.loads((folder / "constants.json").read_text())
    defaults = {name: entry["default"] for name, entry in constants.items()}
    known = {*BANDS, *WAVELENGTHS, *(name for name, value in defaults.items() if value is not None)}
    rows = {}
    for short, index in indices.items():
        names = set(re.findall(r"[A-Za-z_]\w*", index["formula"]))
        if names <= known:
            name = RENAMED.get(short, short.lower())
            used = {key: defaults[key] for key in sorted(names) if defaults.get(key) is not None}
            assert name not in rows, name
            rows[name] = (name, short, index["long_name"], index["formula"], used, index["reference"])
    assert len(rows) == 239, len(rows)
    for name, short, title, changed in OURS:
        formula, used, reference = rows[RENAMED.get(short, short.lower())][3:]
        short = short if name == short.lower() else name.upper()
        rows[name] = (name, short, title, formula, used | changed, reference)
    return [rows[name] for name in sorted(rows)]


HEAD = f"""# Spectral indices

Each name is a built-in recipe: `producer submit cells.json --recipe NAME`. [RECIPES](RECIPES.md)
explains the letters of the bands and how values are stored; `producer recipes NAME` shows the
recipe as a file. Formulas, constants and references are those of
[spyndex](https://pypi.org/project/spyndex/) {VERSION} (copyright (c) 2021 David Montero Loaiza,
MIT); `savi` uses another `L`, and `ndre` is another name for `ndrei`. Names in parentheses work
too.

Sentinel-2 has the bands of all. The column *Landsat* says whether Landsat has them: all sensors,
only 8 and 9 (OLI), or none. `scripts/indices.py` writes this page.
"""


def page(rows):
    """The list of the indices for a reader."""
    lines = [HEAD, "| name | index | formula | Landsat |", "|---|---|---|---|"]
    for name, short, title, formula, used, reference in rows:
        names = re.findall(r"[A-Za-z_]\w*", formula)
        bands = {name.removeprefix("lambda") for name in names} & set(BANDS)
        sensors = "all" if bands <= LANDSAT else "8, 9" if bands <= LANDSAT_OLI else ""
        shown = f"`{name}`" if name == short.lower() else f"`{name}` (`{short}`)"
        constants = "".join(f", {key} = {value:g}" for key, value in used.items())
        cells = [shown, f"[{title}](<{reference}>)", f"`{formula}`{constants}", sensors]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def spyndex_name(row):
    """The name by which spyndex computes a row of the table."""
    return next((short for name, short, *_ in OURS if name == row[0]), row[1])


def compute(row, numbers, kind):
    """What spyndex computes of digital numbers by band, in the given type."""
    params = {band: dn.astype(kind) * kind(1e-4) for band, dn in numbers.items()}
    params |= {name: kind(value) for name, value in (row[4] | WAVELENGTHS).items()}
    with numpy.errstate(all="ignore"):
        return spyndex.computeIndex(spyndex_name(row), params)


def vectors(rows):
    """Digital numbers by band. Numbers for which an index is a small difference of large terms are
    left out: the test compares float32 with float64."""
    source = random.Random(20261201)
    kept = []
    while len(kept) < VECTORS:
        top = source.choice([900, 3000, 6000])
        one = [source.randint(40, top) for _ in BANDS]
        numbers = {band: numpy.array([dn]) for band, dn in zip(BANDS, one)}
        for row in rows:
            exact = compute(row, numbers, numpy.float64)[0]
            rough = compute(row, numbers, numpy.float32)[0]
            if not numpy.isnan(exact) and not abs(rough - exact) <= 5e-6 * abs(exact):
                break
        else:
            kept.append(one)
    return {band: numpy.array(column) for band, column in zip(BANDS, zip(*kept))}


def main():
    if version("spyndex") != VERSION:
        sys.exit(f"spyndex is {version('spyndex')}; install {VERSION}")
    rows = table()
    lines = [
        f"# Spectral indices: formulas, constants and references of spyndex {VERSION},",
        "# copyright (c) 2021 David Montero Loaiza, MIT (recipes/spyndex.LICENSE).",
        "# Made by scripts/indices.py; do not edit.",
        "# name\tspelling in spyndex\ttitle\texpression\tconstants\treference",
    ]
    for name, short, title, formula, used, reference in rows:
        constants = " ".join(f"{key}={value:g}" for key, value in used.items()) or "-"
        cells = [name, short, title.strip(), formula.strip(), constants, reference.strip()]
        assert all(cell and cell.isascii() and "\t" not in cell for cell in cells), cells
        lines.append("\t".join(cells))
    TABLE.write_text("\n".join(lines) + "\n")

    PAGE.write_text(page(rows))

    numbers = vectors(rows)
    lines = [
        f"# Digital numbers (reflectance x 10,000) by band, then values by spyndex {VERSION}.",
        "# Made by scripts/indices.py; do not edit.",
    ]
    for band, column in numbers.items():
        lines.append("\t".join([band, *map(str, column)]))
    for row in rows:
        values = numpy.broadcast_to(compute(row, numbers, numpy.float64), VECTORS)
        assert numpy.isfinite(values).sum() >= 8, row
        lines.append("\t".join([row[0], *(f"{value:.8g}" for value in values)]))
    VALUES.write_text("\n".join(lines) + "\n")
    print(f"{len(rows)} indices, {VECTORS} vectors")


if __name__ == "__main__":
    main()
