"""Write the illustrative GP IT spend of 211 CCGs, from the population file in this folder.

Only the figures marked "reported" below are facts; README.md gives their sources. Everything else is random,
with a spread like that of the reported figures: most CCGs near £2 a head, a few far above it.
"""  # noqa: INP001 - a script kept with its data, not a package

import csv
import io
import random
from itertools import pairwise
from pathlib import Path

POPULATION = Path(__file__).with_name("england-2014-15-population.csv")
SPEND = Path(__file__).with_name("england-2014-15-spend.csv")

REPORTED_TOTAL = 186_000_000  # £: the national GP IT budget of 2012/13 and 2013/14
COUNTED_TOTAL = 148_000_000  # £: chosen; committed revenue, the only spend that counts for transition support
FAIR_SHARES = 140_000_000  # £: reported; the sample compares counted spend with it
FUND = 20_000_000  # £ a year: reported (one source says over two years); the transition fund

# Pence a head reported by four PCTs, given to the CCG of the same name. Liverpool's is the GP IT part only.
WEST_ESSEX, OXFORDSHIRE, WILTSHIRE, LIVERPOOL = "07H", "10Q", "99N", "99A"
COUNTED_PENCE = {WEST_ESSEX: 1049, OXFORDSHIRE: 785, WILTSHIRE: 50, LIVERPOOL: 209}
LIVERPOOL_WHOLE_PENCE = 933  # reported: all of Liverpool's IT support, including what was not GP IT

# Spread of counted spend over the other CCGs: this share of them is below these pence a head, with straight lines
# between. The bend at 248 to 268 puts some between the fair share (247p) and the average (261p).
SPREAD_SHARE = (0.0, 0.1, 0.3, 0.5, 0.7, 0.78, 0.9, 0.97, 1.0)
SPREAD_PENCE = (70, 130, 190, 225, 248, 268, 395, 600, 930)
OTHER_PENCE = (25, 100)  # pence a head of capital and of uncommitted revenue, before scaling to the total

# category, cost type, committed; minimum and maximum weight in the CCG's split; chance that a CCG has this line.
COUNTED_LINES = (
    ("core", "revenue", "yes", 55, 70, 1.0),
    ("mandated", "revenue", "yes", 15, 30, 1.0),
    ("discretionary", "revenue", "yes", 5, 20, 0.8),
)
OTHER_LINES = (
    ("core", "capital", "yes", 20, 40, 1.0),
    ("core", "capital", "no", 10, 30, 0.6),
    ("mandated", "capital", "no", 5, 15, 1.0),
    ("discretionary", "revenue", "no", 10, 30, 1.0),
    ("discretionary", "capital", "no", 10, 30, 0.6),
)

SEED = 2022  # with this seed, the lines keep every promise in broken_promises()

# Only random() is called, and no function such as log(): the same bits with every Python on every system.
rng = random.Random(SEED)  # noqa: S311 - illustrative figures that must be the same each time, not secrets


def between(low: float, high: float) -> float:
    """Draw a number from `low` up to `high`."""
    return low + (high - low) * rng.random()


def spread_pence() -> float:
    """Draw one CCG's counted pence a head from the spread, before scaling to the total."""
    at = rng.random()
    for (start, low), (end, high) in pairwise(zip(SPREAD_SHARE, SPREAD_PENCE, strict=True)):
        if at < end:
            return low + (high - low) * (at - start) / (end - start)
    raise AssertionError("SPREAD_SHARE must end at 1.0")


def split(total: int, weights: list[int]) -> list[int]:
    """Split whole pounds by weight into whole pounds that add up to `total`."""
    parts, weight_so_far, parts_so_far = [], 0, 0
    for weight in weights:
        weight_so_far += weight
        parts.append(total * weight_so_far // sum(weights) - parts_so_far)
        parts_so_far += parts[-1]
    return parts


def pounds(people: int, pence: int) -> int:
    """Pence a head in whole pounds, half up."""
    return (people * pence + 50) // 100


def amounts(people: dict[str, int], fixed: dict[str, int], total: int, pence: dict[str, float]) -> dict[str, int]:
    """Give the `fixed` CCGs their pounds and share the rest of `total` by people × pence a head."""
    others = [code for code in people if code not in fixed]
    weights = [int(people[code] * pence[code]) for code in others]
    return fixed | dict(zip(others, split(total - sum(fixed.values()), weights), strict=True))


def lines(code: str, amount: int, kinds: tuple[tuple[str, str, str, int, int, float], ...]) -> list[list[str]]:
    """Split one CCG's amount over the kinds of line that it has."""
    chosen = [kind for kind in kinds if rng.random() < kind[5]]
    parts = split(amount, [int(1000 * between(low, high)) for *_, low, high, _ in chosen])
    return [[code, *kind[:3], str(part), "illustrative"] for kind, part in zip(chosen, parts, strict=True)]


def broken_promises(people: dict[str, int], rows: list[list[str]]) -> list[str]:
    """Return each promise of README.md that the lines break; fair shares are not rounded."""
    counted = dict.fromkeys(people, 0)
    for code, _, cost_type, committed, amount, _ in rows:
        counted[code] += int(amount) * ((cost_type, committed) == ("revenue", "yes"))
    all_people, total = sum(people.values()), sum(counted.values())
    average = total / all_people
    per_head = {code: counted[code] / people[code] for code in people}
    above_share = {code for code in people if counted[code] * all_people > FAIR_SHARES * people[code]}
    above_average = {code for code in people if counted[code] * all_people > total * people[code]}
    need = sum(counted[code] - FAIR_SHARES * people[code] / all_people for code in above_average)
    promises = {
        "all lines add up to the reported total": sum(int(row[4]) for row in rows) == REPORTED_TOTAL,
        "counted lines add up to the chosen total": total == COUNTED_TOTAL,
        "every amount is above 0": all(int(row[4]) > 0 for row in rows),
        "Wiltshire is lowest": min(per_head, key=per_head.__getitem__) == WILTSHIRE,
        "West Essex is highest": max(per_head, key=per_head.__getitem__) == WEST_ESSEX,
        "more than half of the CCGs gain": len(people) - len(above_share) > len(people) / 2,
        "45 to 75 are above the average": 45 <= len(above_average) <= 75,
        "8 to 20 are above their fair share but not the average": 8 <= len(above_share - above_average) <= 20,
        "no CCG is within a penny of the average": all(abs(x - average) > 0.01 for x in per_head.values()),
        "need is £24m to £36m": 24_000_000 <= need <= 36_000_000,
        "half of the need is below the fund": need / 2 < FUND,
    }
    return [promise for promise, kept in promises.items() if not kept]


def main() -> None:
    """Write the spend file, or stop and list the promises that it would break."""
    with POPULATION.open(encoding="utf-8", newline="") as file:
        people = {row["org_code"]: int(row["registered_population"]) for row in csv.DictReader(file)}
    reported = {code: pounds(people[code], pence) for code, pence in COUNTED_PENCE.items()}
    liverpool_other = pounds(people[LIVERPOOL], LIVERPOOL_WHOLE_PENCE) - reported[LIVERPOOL]
    counted = amounts(people, reported, COUNTED_TOTAL, {code: spread_pence() for code in people})
    other_pence = {code: between(*OTHER_PENCE) for code in people}
    other = amounts(people, {LIVERPOOL: liverpool_other}, REPORTED_TOTAL - COUNTED_TOTAL, other_pence)
    rows: list[list[str]] = []
    for code in sorted(people):
        rows += lines(code, counted[code], COUNTED_LINES) + lines(code, other[code], OTHER_LINES)
    if broken := broken_promises(people, rows):
        raise SystemExit("Nothing is written. These promises are broken: " + "; ".join(broken))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["org_code", "category", "cost_type", "committed", "amount", "basis"])
    writer.writerows(rows)
    SPEND.write_bytes(text.getvalue().encode())


if __name__ == "__main__":
    main()
