"""Tables with known levels, and tables without levels, drawn from a seed."""

import math
from typing import NamedTuple

from folders import repeatable
from gpit_fairshare.inputs.model import NeededColumn

LETTERS = "ABCDEFGHJKLMNPRTVWX"
"""Without the first letters of codes of higher levels."""
CCG_CODES = [f"{number:02}{letter}" for number in range(100) for letter in LETTERS]
PRACTICE_CODES = [f"{letter}{number}" for letter in LETTERS + "Y" for number in range(80_000, 84_000)]
SHAPES = (
    "below",
    "below",
    "below, total below",
    "below, total below",
    "below, total above",
    "above",
    "above",
    "above, total above",
    "above, total above",
    "three levels, parents above",
    "three levels, parents above",
    "three levels, parents below",
    "total below",
    "total above",
    "organisations, regions, nation",
    "nation, regions, organisations",
    "organisations, regions",
)


class Table(NamedTuple):
    """A table to be written to a file."""

    kind: str
    unit: str
    codes: list[str]
    columns: list[list[float]]
    """One or two columns of figures in this unit."""
    members: list[list[int]]
    """For each row, the organisations that it sums: just one for an organisation."""

    def csv(self):
        """The table as a file."""
        rows = zip(self.codes, *self.columns, strict=True)
        return "\n".join([",".join(["org_code", *self.names()]), *(",".join(map(cell_text, row)) for row in rows), ""])

    def names(self):
        """The headings of its columns of figures."""
        return {"people": ("registered_population", "weighted_population"), "£": ("historic_spend", "budget")}[
            self.unit
        ][: len(self.columns)]

    def needs(self):
        """The columns needed from its file."""
        return tuple(NeededColumn(name, "number", self.unit) for name in self.names())


def cell_text(value):
    """A cell of a file, with pence if it has any."""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def populations(draw, count):
    """Patients of CCGs: mostly 60,000 to 900,000."""
    return [min(900_000, max(60_000, round(math.exp(draw.gauss(12.4, 0.45))))) for _ in range(count)]


def ccg_codes(draw, count):
    """Codes such as `07K`."""
    return draw.sample(CCG_CODES, count)


def practice_codes(draw, count):
    """Codes such as `A81001`."""
    return draw.sample(PRACTICE_CODES, count)


def populations_211(draw):
    """211 populations."""
    return ccg_codes(draw, 211), populations(draw, 211), "people"


def round_spends_211(draw):
    """211 spends in round thousands."""
    return ccg_codes(draw, 211), [1_000 * max(50, round(math.exp(draw.gauss(6.5, 0.5)))) for _ in range(211)], "£"


def practices_2000(draw):
    """2,000 practices of 500 to 20,000 patients."""
    return practice_codes(draw, 2_000), [draw.randint(500, 20_000) for _ in range(2_000)], "people"


def five_round(draw):
    """Five organisations of 1,000, 2,000, 3,000, 4,000 and 9,000, in any order."""
    return ccg_codes(draw, 5), draw.sample([1_000, 2_000, 3_000, 4_000, 9_000], 5), draw.choice(["people", "£"])


PLAIN = {function.__name__: function for function in (populations_211, round_spends_211, practices_2000, five_round)}


def plain_table(kind, seed):
    """A table of organisations of one level."""
    codes, figures, unit = PLAIN[kind](repeatable(f"{kind} {seed}"))
    return Table(kind, unit, codes, [figures], [[at] for at in range(len(codes))])


def grouped(draw, items, least, most):
    """Cut a list into groups of `least` to `most` items."""
    groups, at = [], 0
    while at < len(items):
        size = draw.randint(least, most)
        groups.append(items[at : at + size])
        at += size
    return groups


def arranged(draw, shape, count, size):
    """Rows in order, each as the organisations that it sums: just one for an organisation."""
    everything = list(range(count))
    groups = grouped(draw, everything, *size)
    single = [[at] for at in everything]
    below = [row for group in groups for row in [*([at] for at in group), group]]
    above = [row for group in groups for row in [group, *([at] for at in group)]]
    if shape.startswith("three"):
        rows = []
        for region in grouped(draw, groups, 2, max(2, len(groups) // 3)):
            parent = [at for group in region for at in group]
            if shape.endswith("above"):
                rows += [parent, *(row for group in region for row in [group, *([at] for at in group)])]
            else:
                rows += [*(row for group in region for row in [*([at] for at in group), group]), parent]
        return [everything, *rows] if shape.endswith("above") else [*rows, everything]
    if shape.startswith(("organisations", "nation")) and draw.random() < 0.5:
        mixed = draw.sample(everything, count)
        groups = [[mixed[at] for at in group] for group in groups]
    return {
        "below": below,
        "below, total below": [*below, everything],
        "below, total above": [everything, *below],
        "above": above,
        "above, total above": [everything, *above],
        "total below": [*single, everything],
        "total above": [everything, *single],
        "organisations, regions, nation": [*single, *groups, everything],
        "nation, regions, organisations": [everything, *groups, *single],
        "organisations, regions": [*single, *groups],
    }[shape]


def leveled_table(seed):
    """A table with totals among the organisations, and codes of one form."""
    draw = repeatable(f"levels {seed}")
    shape = draw.choice(SHAPES)
    kind = draw.choice(["CCGs", "practices", "some"])
    count = {"CCGs": 211, "practices": 600, "some": 80}[kind]
    size = {"CCGs": (2, 25), "practices": (8, 60), "some": draw.choice([(1, 6), (2, 10), (3, 30)])}[kind]
    figures = {
        "CCGs": lambda: populations(draw, count),
        "practices": lambda: [draw.uniform(500, 20_000) for _ in range(count)],
        "some": lambda: [math.exp(draw.gauss(12.8, 0.6)) for _ in range(count)],
    }[kind]()
    unit = draw.choice(["people", "£"])
    step = 1 if unit == "people" else draw.choice([1, 0.01, 0.01 if kind == "practices" else 1_000])
    members = arranged(draw, shape, count, size)
    columns = [column(figures, members, step, adds_up=unit == "people" or draw.random() < 0.6)]
    second = draw.choice([None, "copy", "similar", "other"])
    if second:
        factors = {"copy": lambda: 1.02, "similar": lambda: draw.gauss(1, 0.08), "other": lambda: draw.uniform(0.2, 3)}
        figures = [figure * factors[second]() for figure in figures]
        columns.append(column(figures, members, step, adds_up=draw.random() < 0.6))
    codes = [f"A{number:04}" for number in draw.sample(range(10_000), len(members))]
    return Table(f"{shape}, {kind}, in {step} {unit}, {second}", unit, codes, columns, members)


def column(figures, members, step, *, adds_up):
    """Figures in steps, such as pence or £1,000: totals are sums of the written figures, or rounded separately."""
    whole = [round(figure / step) for figure in figures]
    sums = [
        sum(whole[at] for at in row) if adds_up else round(sum(figures[at] for at in row) / step) for row in members
    ]
    return [value / 100 if step == 0.01 else value * step for value in sums]
