"""Schemes and tables that are difficult for a workbook."""

from __future__ import annotations

from gpit_fairshare import allocate
from running import SAMPLES, write_rows
from small_schemes import MERGER, NATION, TWO, people_by_year, scheme

THREE = '["2014/15", "2015/16", "2016/17"]'


PEOPLE = [{"org_code": code, "registered_population": 100 * number} for number, code in enumerate("ABCDE", 1)]


SPEND = [{"org_code": code, "historic_spend": 900 * number % 2100 + 50.25} for number, code in enumerate("ABCDE", 1)]


NASTY = "<b> & 'Q' \"x\" *?~ =1+1 [z]"
"""Characters with a meaning in XML, formulas, sheet names and the patterns of SUMIFS."""


SPREAD = """
    unrounded = share_out(pot, by=registered_population) # £
    allocation = rounded(unrounded) # £
"""


def no_population(folder):
    """Need only; no people are counted."""
    rows = [{"org_code": code, "need": number} for number, code in enumerate("ABC", 1)]
    steps = "allocation = rounded(unrounded) # £"
    steps = f"unrounded = share_out(pot, by=need) # £\n{steps}"
    return allocate(population=write_rows(folder / "p.csv", rows), scheme=scheme(folder, steps))


def no_spend(_folder):
    """The default formula without a transition, which uses no spend."""
    return allocate(population=SAMPLES / "abcd-population.csv", transition="none")


def no_money(folder):
    """Points and places: no units, and a result that is not money."""
    steps = """
        size = registered_population / total(registered_population)
        large = size > 0.2
        allocation = where(large, 2, 1) + size
    """
    return allocate(population=write_rows(folder / "p.csv", PEOPLE), scheme=scheme(folder, steps))


def groups_of_groups(folder):
    """Money from a region to its areas and on to organisations, with bounds, in tens and in pence."""
    steps = """
        ccg_people = total(registered_population, within=ccg) # people
        ccg_unrounded = share_out(pot, by=ccg_people, within=region) # £
        ccg_money = rounded(ccg_unrounded, to=10, within=region) # £
        large = registered_population > 200
        larges = count(large, within=ccg)
        floor = where(large, 30, 20) # £
        unrounded = share_out(ccg_money, by=registered_population, at_least=floor, within=ccg) # £
        allocation = rounded(unrounded, to=0.01, within=ccg) # £
        range = largest(ccg_people, within=region) - smallest(registered_population, within=region)
        spread = range * larges
    """
    rows = [{**row, "ccg": NASTY} if row["ccg"] == "00A" else row for row in NATION]
    return allocate(population=write_rows(folder / "p.csv", rows), scheme=scheme(folder, steps, pot=2000))


def merged(folder):
    """13T takes over 00F, 00G and 00H, and their spend, in rows without a year."""
    steps = """
        baseline = previous(allocation, first=historic_spend) # £
        floor = baseline * 0.9 # £
        unrounded = share_out(pot, by=registered_population, at_least=floor) # £
        allocation = rounded(unrounded) # £
    """
    spend = [{"org_code": code, "historic_spend": 200 + number} for number, code in enumerate(MERGER["2014/15"])]
    return allocate(
        population=people_by_year(folder, MERGER),
        spend=write_rows(folder / "s.csv", spend),
        scheme=scheme(folder, steps, years=TWO),
    )


def new_organisations(folder):
    """F and G begin in the second year, F alone in its region: neither had anything before."""
    regions = dict(zip("ABCDEFG", ("North", "North", "South", "South", "South", "East", "North"), strict=True))
    rows = [
        {"year": year, "org_code": code, "region": regions[code], "registered_population": heads, "historic_spend": 700}
        for year, codes in (("2014/15", "ABCDE"), ("2015/16", "ABCDEFG"))
        for heads, code in enumerate(codes, 100)
    ]
    steps = """
        fair_share = share_out(pot, by=registered_population) # £
        unrounded = 0.5 * fair_share + 0.5 * historic_spend # £
        allocation = rounded(unrounded) # £
    """
    path = scheme(folder, steps, years=TWO, extra='[inputs.region]\nlabel = "Region"\ntype = "text"\n')
    text = path.read_text(encoding="utf-8").replace('title = "Test"', 'title = "Test"\nreport_by = "region"')
    path.write_text(text, encoding="utf-8")
    return allocate(population=write_rows(folder / "p.csv", rows), scheme=path)


def merged_at_a_day(_folder):
    """England on the boundaries of 2020/21, with its lines of spend."""
    return allocate(sample=True, boundaries="2020/21")


def names_that_mean_something(folder):
    """Brackets, quotation marks, wildcards and formulas in names of organisations, groups and columns."""
    rows = [
        {"org_code": code, "org_name": f"{NASTY} {code}", "region": region, "registered_population": 100}
        for code, region in zip("ABCD", (NASTY, f"{NASTY}x", "a*", "ab"), strict=True)
    ]
    steps = """
        by_region = total(registered_population, within=region) # people
        weight = by_region + registered_population # people
        unrounded = share_out(pot, by=weight) # £
        first = region == 'a*'
        allocation = rounded(unrounded) # £
    """
    extra = "[inputs.region]\nlabel = '''Region's <&> \"name\"'''\ntype = \"text\"\n"
    path = scheme(folder, steps, extra=extra)
    text = path.read_text(encoding="utf-8").replace('title = "Test"', f"title = '''{NASTY}'''\nreport_by = \"region\"")
    path.write_text(text, encoding="utf-8")
    return allocate(population=write_rows(folder / "p.csv", rows), scheme=path)


def one_organisation(folder):
    """One row, so that every range has one cell."""
    return allocate(
        population=write_rows(folder / "p.csv", PEOPLE[:1]),
        spend=write_rows(folder / "s.csv", SPEND[:1]),
        settings={"revenue_budget": 1000, "transition_fund": 100},
    )


def three_years(folder):
    """Half way to the fair share in each of three years, and a count of past years."""
    steps = """
        gone = previous(gone, first=0) + 1
        share = share_out(pot, by=registered_population) # £
        baseline = previous(allocation, first=historic_spend) # £
        unrounded = 0.5 * baseline + 0.5 * share # £
        allocation = rounded(unrounded) # £
    """
    return allocate(
        population=write_rows(folder / "p.csv", PEOPLE),
        spend=write_rows(folder / "s.csv", SPEND),
        scheme=scheme(folder, steps, years=THREE),
    )


def optional_blanks(folder):
    """A column of numbers and a column of texts with some blank cells."""
    rows = [
        {**row, "extra": extra, "tier": tier}
        for row, extra, tier in zip(PEOPLE, (5, "", 0, "", 2.5), ("a", "", "b", "a", ""), strict=True)
    ]
    steps = """
        asked = where(given(extra), min(extra, 3), 0 - 1)
        first = where(given(tier), where(tier == 'a', 1, 0), 0)
        allocation = asked * registered_population + first
    """
    extra = '[inputs.extra]\nlabel = "Extra"\noptional = true\n'
    extra += '[inputs.tier]\nlabel = "Tier"\ntype = "text"\noptional = true\n'
    return allocate(population=write_rows(folder / "p.csv", rows), scheme=scheme(folder, steps, extra=extra))


def nobody_there(folder):
    """An organisation without patients and spend among others that have both."""
    people = [*PEOPLE, {"org_code": "F", "registered_population": 0}]
    spend = [*SPEND, {"org_code": "F", "historic_spend": 0}]
    return allocate(
        population=write_rows(folder / "p.csv", people),
        spend=write_rows(folder / "s.csv", spend),
        settings={"revenue_budget": 1000, "transition_fund": 100},
    )


def below_nil(folder):
    """Negative allocations, for which gpit and the workbook both give a warning."""
    steps = """
        unrounded = share_out(pot, by=registered_population) - historic_spend # £
        allocation = rounded(unrounded) # £
    """
    steps = steps.replace(
        "unrounded = share_out(pot, by=registered_population) -",
        "share = share_out(pot, by=registered_population) # £\nunrounded = share -",
    )
    return allocate(
        population=write_rows(folder / "p.csv", PEOPLE),
        spend=write_rows(folder / "s.csv", SPEND),
        scheme=scheme(folder, steps),
    )


def categories_in_capitals(folder):
    """Lines counted by category, with different capital letters in the scheme and in the file."""
    lines = [
        {"org_code": code, "category": category, "cost_type": "Revenue", "committed": "YES", "amount": amount}
        for code in "ABCDE"
        for category, amount in (("core", 100.1), ("CORE", 200.2), ("other", 400))
    ]
    extra = '[spend]\ncounts = { category = ["Core"], committed = ["yes"] }\nassumption = "A."\n'
    return allocate(
        population=write_rows(folder / "p.csv", PEOPLE),
        spend=write_rows(folder / "s.csv", lines),
        scheme=scheme(folder, "allocation = historic_spend # £", extra=extra),
    )


def many_columns(folder):
    """Forty columns of numbers and texts: one formula of Excel is too short to check them all for changes."""
    rows = [
        {**row, **{f"n{index}": row["registered_population"] + index for index in range(40)}, "kind": "x" * 100 + kind}
        for row, kind in zip(PEOPLE, "ababc", strict=True)
    ]
    steps = f"""
        sum = {" + ".join(f"n{index}" for index in range(40))}
        allocation = where(kind == 'a', sum, 2 * sum)
    """
    extra = '[inputs.kind]\nlabel = "Kind"\ntype = "text"\n'
    return allocate(population=write_rows(folder / "p.csv", rows), scheme=scheme(folder, steps, extra=extra))


def nothing_to_share(folder):
    """An empty pot, so that every share is 0."""
    return allocate(population=write_rows(folder / "p.csv", PEOPLE), scheme=scheme(folder, SPREAD, pot=0))


def rows_in_order(folder):
    """Ranks and running totals, nationally and in groups, with equal values, noise and negative values; roundings."""
    scores = ("0.3", "0.30000000000000004", "-2", "0.3", "123456789012.25", "123456789012.34", "0", "1.21", "1.21")
    rows = [
        {"org_code": f"B{place}", "region": "NSSNESNSE"[place], "area": "xyyxxyxyx"[place], "bid": 300.1 + 77 * place}
        | {"score": score, "registered_population": 100}
        for place, score in enumerate(scores)
    ]
    steps = """
        place = rank(score)
        so_far = running_total(bid, by=place) # £
        place_in_region = rank(score, within=region)
        so_far_in_region = running_total(bid, by=place_in_region, within=region) # £
        region_bids = total(bid, within=region) # £
        region_place = rank(region_bids, within=area)
        region_so_far = running_total(region_bids, by=region_place, within=area) # £
        before = previous(allocation, first=0) # £
        funded = so_far <= pot
        seventh = roundup(bid / -7 * 1.1 * 1.1, 1) # £
        unrounded = where(funded, bid, rounddown(so_far_in_region / 3 + region_so_far / 9, -1)) + 0 * seventh # £
        allocation = rounddown(unrounded * 1.1 - before / 2, 2) # £
    """
    extra = "".join(f'[inputs.{name}]\nlabel = "{name}"\ntype = "text"\n' for name in ("region", "area"))
    extra += '[inputs.bid]\nlabel = "Bid"\nunit = "£"\n[inputs.score]\nlabel = "Score"\n'
    path = scheme(folder, steps, years=TWO, pot=2000, extra=extra)
    return allocate(population=write_rows(folder / "p.csv", rows), scheme=path)


TABLES = """
[inputs.stage]
label = "Stage"
type = "text"
optional = true

[inputs.area]
label = "Area"
type = "text"

[inputs.need]
label = "Need"
optional = true

[tables.stage_weight]
label = "Weight by stage"
unit = "ratio"
rows = [
  { key = "primary", value = 1, assumption = "A test." },
  { key = "p*y", value = 3, assumption = "A test." },
  { key = "all other texts", value = "7/3", assumption = "A test." },
]
otherwise = { value = 0.5, assumption = "A test." }

[tables.area_weight]
label = "Weight by area"
rows = [{ key = "North", value = 2, assumption = "A test." }, { key = "South", value = 1, assumption = "A test." }]

[tables.need_band]
label = "Rate by need"
unit = "£ per head"
key_unit = "people"
rows = [
  { from = -50, value = 3, assumption = "A test." },
  { from = 0, value = 0.1, assumption = "A test." },
  { from = 100, value = 2, assumption = "A test." },
  { from = 1000, up_to = 2000, value = -1, assumption = "A test." },
]

[tables.few]
label = "Few"
rows = [{ from = 0, value = 1, assumption = "A test." }, { from = 300, up_to = 350, value = 2, assumption = "A test." }]
"""


def tables_of_all_kinds(folder):
    """All functions of tables: for organisations, areas and the nation; blanks and numbers that no band has."""
    needs = (-50, 100 - 1e-12, "", 5000, 1000, 999.5)
    stages = ("primary", "Primary", "p*y", "", "prim", "all other texts")
    rows = [
        {"year": year, "org_code": code, "stage": stage, "area": area, "need": need, "registered_population": heads}
        for year, heads in (("2014/15", 100), ("2015/16", 130))
        for code, stage, area, need in zip("ABCDEF", stages, ("North", "South") * 3, needs, strict=True)
    ]
    steps = """
        weight = where(given(stage), lookup(stage_weight, stage), 1) # ratio
        rate = where(given(need), where(need < 2000, max(band_value(need_band, need), 0.5), 4), 5) # £ per head
        has_need = given(need)
        tax = where(has_need, where(need < 2000, band_sum(need_band, need), 0), 0) # £
        line = where(has_need, where(need <= 1000, band_line(need_band, need), 0), 0) # £ per head
        area_people = total(registered_population, within=area) # people
        area_rate = band_line(need_band, area_people) # £ per head
        national_people = total(registered_population) # people
        national_sum = band_sum(need_band, national_people) # £
        unrounded = (rate + line + area_rate) * registered_population * weight + tax + national_sum # £
        allocation = rounded(unrounded) # £
        within_area = lookup(area_weight, area)
        area_of_few = where(area_people < 350, band_value(few, area_people), 0)
        nation_of_few = where(national_people < 350, band_line(few, national_people), 0)
    """
    extra = '[[checks]]\nname = "Line"\nformula = "allocation > 0"\n'
    extra += '[[outcomes]]\nlabel = "few"\nformula = "band_value(need_band, registered_population) <= 2"\n'
    table = write_rows(folder / "p.csv", rows)
    return allocate(population=table, scheme=scheme(folder, steps, years=TWO, extra=TABLES + extra))


BETWEEN = [
    {"org_code": code, "region": region, "registered_population": people, "low": low, "high": high}
    for code, region, people, low, high in (
        ("A", "North", 100, 0, 100),
        ("B", "North", 200, 600, 5000),
        ("C", "South", 300, 0, 10_000),
        ("D", "South", 100, 500, 600),
    )
]
"""North spends £700 at every rate from £1, where A reaches its ceiling, to £3, where B leaves its floor."""


RATES = """
    plain = share_out(pot, by=registered_population) # £
    on_base = share_out(pot, by=registered_population, base=70) # £
    capped = share_out(pot, by=high, at_most=high) # £
    floors = share_out(pot, by=registered_population, at_least=50) # £
    ceilings = share_out(pot, by=registered_population, at_most=350) # £
    regional = share_out(700, by=registered_population, at_least=low, at_most=high, within=region) # £
    evenly = share_out(700, by=1, base=low, within=region) # £
    from_base = rate_of(on_base)
    of_limits = rate_of(floors) * rate_of(ceilings)
    of_region = rate_of(regional)
    by_evenly = rate_of(evenly) + low # £
    paid = rate_of(regional) * registered_population # £
    ratio = where(pot < total(high), rate_of(capped), 1)
    enough = share_out(20_000, by=high, at_most=high) # £
    of_enough = where(20_000 < total(high), rate_of(enough), 1)
    part = share_out(6_000, by=high, at_most=high, within=region) # £
    of_part = where(region == 'South', rate_of(part), 1)
    before = previous(of_region, first=0)
    unrounded = share_out(pot, by=registered_population) # £
    at_the_rate = rate_of(unrounded) * registered_population # £
    allocation = rounded(at_the_rate) # £
"""


def rates(folder):
    """The rate of each form of share_out, national and by region, of a base, last year's, and where there is none."""
    people = [{"year": year, **row} for year in ("2014/15", "2015/16") for row in BETWEEN]
    return allocate(population=write_rows(folder / "p.csv", people), scheme=scheme(folder, RATES, years=TWO, pot=1050))


HARD = [
    no_population,
    no_spend,
    no_money,
    groups_of_groups,
    merged,
    new_organisations,
    merged_at_a_day,
    names_that_mean_something,
    one_organisation,
    three_years,
    optional_blanks,
    nobody_there,
    below_nil,
    categories_in_capitals,
    many_columns,
    nothing_to_share,
    rows_in_order,
    tables_of_all_kinds,
    rates,
]
