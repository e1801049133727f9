"""The maturity index: calculated by hand and in exact fractions, and mistakes that users make."""

from __future__ import annotations

import json
import random
import re
import shlex
import shutil
from contextlib import chdir
from dataclasses import replace
from fractions import Fraction
from io import BytesIO, StringIO, TextIOWrapper
from typing import TYPE_CHECKING, Any

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rich.console import Console

from documents import pieces, quoted, same, table, tables, typed
from gpit_fairshare import GpitError, UsageError, allocate, verify
from gpit_fairshare.cli import app
from gpit_fairshare.engine import calculate
from gpit_fairshare.errors import CalculationError, InputError, SchemeError
from gpit_fairshare.maturity import Maturity, _ranked, assess, rank_result
from gpit_fairshare.reports.maturity import maturity_document
from gpit_fairshare.reports.screen import show
from gpit_fairshare.results.reading import read_record
from gpit_fairshare.results.writing import json_text, write_csv, write_manifest
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.workbook.result_workbook import write_workbook
from rulebook import inputs_of
from running import ROOT, gpit, read_rows, words, write_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DOCUMENT = ROOT / "docs" / "maturity.md"
SCHEME = load("maturity-index")
SHARES = [
    symbol.name for symbol in SCHEME.inputs if symbol.type == "number" and f"{symbol.name}_low" in SCHEME.parameters
]
OF_CCGS = [symbol.name for symbol in SCHEME.inputs if symbol.of and symbol.type == "text"]
DECLARED = [
    symbol.name for symbol in SCHEME.inputs if symbol.type == "text" and not symbol.of and symbol.name != "ccg_code"
]
EXAMPLES = settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with every file that docs/maturity.md tells its reader to save."""
    place = tmp_path_factory.mktemp("maturity")
    for piece in pieces(DOCUMENT):
        if piece.kind in ("csv", "toml"):
            name = next(name for name in reversed(quoted(piece.before)) if name.endswith((".csv", ".toml")))
            (place / name).write_text(piece.text, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def commands(folder):
    """The commands of the document, run unchanged and in order."""
    command_lines = [piece.text for piece in pieces(DOCUMENT) if piece.kind == "" and piece.text.startswith("gpit ")]
    assert [typed(command, folder=folder) for command in command_lines] == [0] * len(command_lines)
    return command_lines


@pytest.fixture(scope="module")
def example(folder) -> Maturity:
    """The worked example of the document."""
    return assess(
        indicators=folder / "practices.csv",
        ccg_indicators=folder / "ccgs.csv",
        allocation=folder / "allocations.csv",
    )


def test_frames_give_the_ranks_of_the_files(example, folder):
    """Frames give the CCGs and practices of the worked example; a column that is not used is warned of."""
    answers = pl.read_csv(folder / "practices.csv").with_columns(shoe_size=pl.lit(9))
    frames = assess(
        indicators=answers,
        ccg_indicators=pl.read_csv(folder / "ccgs.csv"),
        allocation=pl.read_csv(folder / "allocations.csv"),
    )

    assert frames.ccgs.equals(example.ccgs)
    assert frames.practices.equals(example.practices)
    assert [(finding.file, "shoe_size" in finding.found) for finding in frames.unused] == [("indicators (frame)", True)]


# The worked example ------------------------------------------------------------------------------------------


def test_the_worked_example_is_what_the_text_works_out(example):
    """The run gives every figure of the table, which is calculated by hand below it."""
    (printed,) = tables(DOCUMENT, "step", "A81001")
    codes = printed.rows[0][1:]
    rows = {row["org_code"]: row for row in example.result.rows.to_dicts()}
    wrong = [
        (name, code, cell, rows[code][quoted(name)[0]])
        for name, *cells in printed.rows[1:]
        for code, cell in zip(codes, cells, strict=True)
        if not same(cell, rows[code][quoted(name)[0]])
    ]

    assert len(printed.rows) == 15
    assert wrong == []


@pytest.mark.slow
def test_the_tables_of_ccgs_and_practices(folder, commands):
    """00D (70) comes before 00C (59.375); practices have 70, 66.67, 37.5, and the one without an index is last."""
    assert len(commands) == 2
    ccgs, practices = (read_rows(folder / name) for name in ("ccg-order.csv", "practice-order.csv"))

    assert [(row["org_code"], row["rank"], float(row["maturity_index"])) for row in ccgs] == [
        ("00D", "1", 70.0),
        ("00C", "2", 59.375),
    ]
    assert [(row["practices"], row["practices_with_index"], row["ccg_population"]) for row in ccgs] == [
        ("2", "1", "9000"),
        ("2", "2", "8000"),
    ]
    assert [row["org_code"] for row in practices] == ["B82001", "A81001", "A81002", "B82002"]
    assert (practices[3]["rank"], practices[3]["maturity_index"]) == ("", "")


@pytest.mark.slow
def test_a_formula_may_weigh_by_the_index(folder, commands):
    """8,000 × 1.40625 and 9,000 × 1.3 people share £45,900 as £22,500 and £23,400."""
    (printed,) = tables(DOCUMENT, "2014/15", "00C")
    assert commands[1].endswith("-o by-need.csv\n")
    by_code = {row["org_code"]: row for row in read_rows(folder / "by-need.csv") if row["year"] == "2014/15"}

    assert [
        (name, cell)
        for name, *cells in printed.rows[1:]
        for code, cell in zip(("00C", "00D"), cells, strict=True)
        if not same(cell, float(by_code[code][quoted(name)[0]]))
    ] == []
    assert [by_code[code]["fair_share"] for code in ("00C", "00D")] == ["22500", "23400"]


def test_indicators_of_the_text_are_those_of_the_scheme():
    """Each row of the table is an optional input of the scheme, with its label, its level and its thresholds."""
    rows = table(DOCUMENT, "column", "what", "level")
    parameters = SCHEME.parameters
    expected = []
    for symbol in SCHEME.inputs:
        if symbol.name in SHARES:
            low, high = (parameters[f"{symbol.name}_{end}"].values["2016/17"].as_written for end in ("low", "high"))
            expected.append((symbol.name, SCHEME.labels[symbol.name], "practice", f"{high} (some from {low})"))
        elif symbol.name in (*DECLARED, *OF_CCGS):
            expected.append((symbol.name, SCHEME.labels[symbol.name], "CCG" if symbol.of else "practice", "yes"))

    in_document = [(quoted(name)[0], label, level, met) for name, label, level, _, met in rows]
    assert sorted(in_document) == sorted(expected)
    assert (len(SHARES), len(DECLARED), len(OF_CCGS)) == (6, 8, 16)


def test_options_columns_and_keys_of_the_text(example):
    """The document lists the options of the verb, the columns of the tables and the keys of the JSON document."""
    help_text = gpit("maturity", "--help", folder=ROOT).stdout.decode()
    options = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_text, re.MULTILINE)
    rows = table(DOCUMENT, "option of `gpit maturity`", "what it does")
    words = [name.split()[0] for option, _ in rows for name in quoted(option)]
    text = DOCUMENT.read_text(encoding="utf-8")
    columns = {
        heading: quoted(text.split(f"<!-- {heading} -->")[1].split(";\n")[0].split(".\n")[0])
        for heading in ("by ccg", "by practice")
    }

    assert {word for word in words if word.startswith("--")} == set(options)
    assert columns == {"by ccg": example.ccgs.columns, "by practice": example.practices.columns}
    keys = [key for keys, _ in table(DOCUMENT, "key of `gpit-maturity/1`", "what it holds") for key in quoted(keys)]
    assert keys == list(example.document())
    assert json.loads(json_text(example.document()))["schema"] == "gpit-maturity/1"


def test_the_screen_has_ranks_and_missing_answers(example):
    """At 80 columns: the CCGs with index, answers and £ per head; B82002 by name; 16 of 120 answers."""
    out = StringIO()
    show(maturity_document(example, file_names=["m.xlsx"]), Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    text = " ".join(out.getvalue().split())

    assert max(map(len, lines)) <= 80
    assert "4 practices of 2 CCGs, 2016/17, all checks pass." in text
    assert "by list size: 64.7. Answered: 16 of 120 (13.3%)" in text  # (560,000 + 475,000) / 16,000
    assert "1 practice that gave no answers has no index and is in no average: B82002." in text
    assert re.search(r"2 +00C +Darlington +59\.4 +16\.7% +2 +8,000 +£3\.00", text)
    assert re.search(r"1 +00D .* 70\.0 +10\.0% +1 of 2 +9,000 +£2\.50", text)


# Against exact fractions --------------------------------------------------------------------------------------

Row = dict[str, Any]


@st.composite
def answers(draw) -> dict[str, Row]:
    """Twenty-five practices in three CCGs, with and without patients, each indicator answered or not."""
    seed = random.Random(draw(st.integers(0, 1_000_000)))
    missing = draw(st.sampled_from([0.1, 0.6, 0.95]))
    rows: dict[str, Row] = {}
    for number in range(25):
        ccg = seed.choice(["00C", "00D", "00J"])
        row: Row = {"ccg_code": ccg, "registered_population": float(seed.choice([0, 1, seed.randint(1, 30_000)]))}
        row["allocation"] = None
        silent = seed.random() < 0.2
        for name in (*SHARES, *DECLARED, *OF_CCGS):
            value = seed.randint(0, 20) / 20 if name in SHARES else seed.choice(["yes", "no", "Yes", "No"])
            row[name] = None if seed.random() < missing or (silent and name not in OF_CCGS) else value
        rows[f"A{number:05d}"] = row
    return rows


def by_fractions(rows: Mapping[str, Row]) -> tuple[dict[str, Fraction | None], dict[str, Fraction | None]]:
    """The index of each practice and CCG by the definition: two points, one or none of two for each answer."""
    thresholds = {row[0]: re.findall(r"(\d+)%", row[4]) for row in table(DOCUMENT, "column", "what", "level")}
    practices: dict[str, Fraction | None] = {}
    for code, row in rows.items():
        points = most = own = 0
        for name in (*SHARES, *DECLARED, *OF_CCGS):
            value = row[name]
            if value is None:
                continue
            most, own = most + 2, own + (name not in OF_CCGS)
            if isinstance(value, str):
                points += 2 if value.lower() == "yes" else 0
            else:
                high, low = (Fraction(int(text), 100) for text in thresholds[f"`{name}`"])
                share = Fraction(repr(value))
                points += 2 if share >= high else 1 if share >= low else 0
        practices[code] = Fraction(100 * points, most) if own else None
    ccgs: dict[str, Fraction | None] = {}
    for ccg in {row["ccg_code"] for row in rows.values()}:
        pairs = [
            (index, Fraction(rows[code]["registered_population"]))
            for code, index in practices.items()
            if index is not None and rows[code]["ccg_code"] == ccg
        ]
        people = sum(heads for _, heads in pairs)
        ccgs[ccg] = sum((index * heads for index, heads in pairs), Fraction(0)) / people if people else None
    return practices, ccgs


def indices(frame: pl.DataFrame) -> dict[str, float | None]:
    """The index of each code."""
    return dict(frame.select("org_code", "maturity_index").iter_rows())


@EXAMPLES
@given(rows=answers())
def test_indices_are_those_of_exact_fractions(rows):
    """Every index is that of the definition, from 0 to 100, or none; ranks fall with the index; all checks pass."""
    maturity = rank_result(calculate(SCHEME, inputs_of(SCHEME, rows, {})))

    assert maturity.result.agrees, [check for check in maturity.result.checks if not check.holds]
    for frame, expected in zip((maturity.practices, maturity.ccgs), by_fractions(rows), strict=True):
        got = indices(frame)
        assert got.keys() == expected.keys()
        for code, index in expected.items():
            assert (got[code] is None) == (index is None)
            assert index is None or (0 <= index <= 100 and abs(got[code] - float(index)) <= 1e-9)
        ranks = dict(frame.select("org_code", "rank").iter_rows())
        for code, index in expected.items():
            better = sum(other is not None and index is not None and other > index for other in expected.values())
            assert ranks[code] == (None if index is None else 1 + better)


def shuffled(folder: Path, place: Path, times: int = 1) -> Maturity:
    """The worked example with the rows of its files the other way round, and list sizes so many times as large."""
    names = []
    for name in ("practices.csv", "ccgs.csv", "allocations.csv"):
        rows = list(reversed(read_rows(folder / name)))
        larger = [row | {"list_size": int(row["list_size"]) * times} if "list_size" in row else row for row in rows]
        names.append(write_rows(place / name, larger))
    return assess(indicators=names[0], ccg_indicators=names[1], allocation=names[2])


def test_maturity_index__row_order_is_kept(example, folder, tmp_path):
    """Files with their rows in another order give the same table."""
    assert shuffled(folder, tmp_path).result.rows.equals(example.result.rows)


def test_maturity_index__population_scale_is_kept(example, folder, tmp_path):
    """List sizes times seven change no index, of a practice or a CCG."""
    larger = shuffled(folder, tmp_path, 7)

    assert larger.ccgs["ccg_population"].to_list() == [63_000, 56_000]
    assert indices(larger.practices) == indices(example.practices)
    for code, index in indices(example.ccgs).items():
        assert indices(larger.ccgs)[code] == pytest.approx(index, rel=1e-12)


def test_ties_share_a_rank():
    """Two thirds calculated in two ways share the first rank; a practice without an index is last, without a rank."""
    rows = {"org_code": ["A1", "A2", "A3", "A4"], "org_name": [""] * 4}
    table_of = pl.DataFrame({**rows, "maturity_index": [66.66666666666666, None, 66.66666666666667, 1.0]})

    assert _ranked(table_of).select("org_code", "rank").rows() == [("A1", 1), ("A3", 1), ("A4", 3), ("A2", None)]


@pytest.mark.parametrize(("per_head", "expected"), [((1, 2, 3), -1), ((1, 3, 2), -0.5), ((2, 2, 2), None)])
def test_rank_correlation_of_three_ccgs(example, per_head, expected):
    """Index 100, 50, 0 and £1, £2, £3 a head are in opposite order: -1; with £1, £3, £2 it is -1/2.

    1 - 6 Σd² / (n (n² - 1)): differences of ranks 2, 0, 2 give 1 - 48/24, and 2, 1, 1 give 1 - 36/24.
    """
    ccgs = pl.DataFrame(
        {"maturity_index": [100.0, 50.0, 0.0, None], "allocation_per_head": [*map(float, per_head), 9.0]}
    )

    assert replace(example, ccgs=ccgs).rank_correlation == expected


# Files ---------------------------------------------------------------------------------------------------------


def practice(code: str, ccg: str = "00C", people: int = 1_000, **values: object) -> Row:
    """A row of a practice."""
    return {"practice_code": code, "ccg_code": ccg, "registered_population": people, **values}


def of(folder: Path, rows: Sequence[Row], **more: Any) -> Maturity:
    """The index of rows of practices."""
    return assess(indicators=write_rows(folder / "practices.csv", rows), **more)


def test_people_of_a_ccg_are_never_its_practices(tmp_path):
    """A file of CCGs with its own list sizes gives only answers and money; a practice keeps its 1,000."""
    rows = [{"org_code": "00C", "registered_population": 99_000, "allocation": 5_000, "service_desk": "no"}]
    maturity = of(
        tmp_path, [practice("A81001", clinical_safety="yes")], ccg_indicators=write_rows(tmp_path / "c.csv", rows)
    )

    assert maturity.result.rows["registered_population"].to_list() == [1_000]
    assert indices(maturity.ccgs) == {"00C": 50.0}
    assert maturity.ccgs["allocation_per_head"].to_list() == [5.0]
    assert maturity.result.inputs.origins["2016/17", "A81001", "service_desk"] == "c.csv row 2"

    with pytest.raises(InputError, match="registered_population"):
        assess(
            indicators=write_rows(tmp_path / "p.csv", [{"practice_code": "A81001", "ccg_code": "00C"}]),
            ccg_indicators=tmp_path / "c.csv",
        )


def test_answers_of_a_ccg_may_stand_on_the_rows_of_practices(tmp_path):
    """Each practice has its own index: yes and no give 100 and 50 if the practices gave the same answers."""
    rows = [practice("A81001", clinical_safety="yes", service_desk="yes")]
    rows += [practice("A81002", clinical_safety="yes", service_desk="no")]

    assert indices(of(tmp_path, rows).practices) == {"A81001": 100.0, "A81002": 50.0}


def test_list_sizes_and_ccgs_may_come_in_a_file_of_their_own(tmp_path):
    """NHS files call the CCG `org_code` next to a `practice_code`; a practice without answers has no index."""
    people = [{"practice_code": code, "org_code": "00C", "list_size": 10} for code in ("A81001", "A81002")]
    maturity = assess(
        population=write_rows(tmp_path / "people.csv", people),
        indicators=write_rows(tmp_path / "i.csv", [{"practice_code": "A81001", "clinical_safety": "yes"}]),
    )

    assert indices(maturity.practices) == {"A81001": 100.0, "A81002": None}
    assert maturity.without_index == 1
    assert indices(maturity.ccgs) == {"00C": 100.0}


def test_ccgs_of_one_side_alone_are_said(tmp_path):
    """A CCG without a row and a row without a practice are warnings; no row of any practice's CCG is an error."""
    rows = [practice("A81001", "00C", clinical_safety="yes"), practice("A81002", "00D", clinical_safety="no")]
    ccgs = [{"ccg_code": "00C", "service_desk": "no"}, {"ccg_code": "00J", "service_desk": "no"}]
    maturity = of(tmp_path, rows, ccg_indicators=write_rows(tmp_path / "c.csv", ccgs))
    messages = [finding.found for finding in maturity.result.findings if finding.number == "I23"]

    assert messages == [
        "no row for 00D, which the column ccg_code names",
        "00J is left out: no row has this ccg_code",
    ]
    assert indices(maturity.ccgs) == {"00C": 50.0, "00D": 0.0}
    with pytest.raises(InputError, match=r"c\.csv: none of its codes, such as 00J, is the ccg_code of any row"):
        of(tmp_path, rows, ccg_indicators=write_rows(tmp_path / "c.csv", ccgs[1:]))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"clinical_safety": "partly"}, r"clinical safety lead.*A81001.*clinical_safety = partly.*write yes or no"),
        ({"records_access": "850%"}, r"online access.*A81001.*records_access = 8\.50.*write 0\.85 or 85%"),
    ],
)
def test_an_unreadable_answer_stops_the_run(tmp_path, values, message):
    """An answer other than yes or no, or a share above 1, is refused with the practice and what to write."""
    with pytest.raises(CalculationError, match=message):
        of(tmp_path, [practice("A81001", **values)])


def test_a_plain_85_is_refused_before_the_run(tmp_path):
    """85 may be 85% or 8,500%: the cell is named, with what to write."""
    with pytest.raises(InputError, match=r"row 2, records_access.*expected 85% or 8500%"):
        of(tmp_path, [practice("A81001", records_access=85)])


def test_rows_without_a_ccg_are_refused(tmp_path):
    """The column of CCGs is required, and the message names it."""
    with pytest.raises(InputError, match=r"ccg_code.*with --indicators FILE"):
        of(tmp_path, [{"practice_code": "A81001", "registered_population": 1, "clinical_safety": "yes"}])


def test_other_years_take_the_rows_of_that_year(tmp_path):
    """With --year 2017/18 a file with years gives those of 2017/18, and the index is of that year."""
    rows = [
        practice("A81001", year=year, clinical_safety=value) for year, value in (("2016/17", "no"), ("2017/18", "yes"))
    ]
    now = of(tmp_path, rows, year="2017/18")

    assert (now.year, now.index) == ("2017/18", 100.0)
    with pytest.raises(UsageError, match="2019"):
        of(tmp_path, rows, year="2019")


def test_a_misspelt_indicator_is_said(tmp_path):
    """Every column is optional: a column that is not used is a warning, with the nearest name."""
    rows = [
        practice("A81001", clinical_safety="yes", **{"CCG name": "Darlington", "record_access": "40%", "fax": "no"})
    ]
    maturity = of(
        tmp_path, rows, allocation=write_rows(tmp_path / "a.csv", [{"org_code": "00C", "allocation": 1, "x": 2}])
    )
    out = StringIO()
    show(maturity_document(maturity), Console(file=out, width=80))
    (finding,) = [
        entry for entry in maturity.document()["findings"] if entry["number"] == "I38" and entry["level"] == "warning"
    ]

    assert (finding["level"], finding["file"]) == ("warning", "practices.csv")
    assert finding["found"] == "columns not used: 'record_access' (did you mean records_access?), 'fax'"
    assert "'record_access' (did you mean records_access?)" in " ".join(out.getvalue().split())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"record_access": "40%", "cybersecurity": "9%"},
            (
                r"no file has an indicator that practices answer; .*: columns not used: 'record_access' .*access\?\), "
                r"'cybersecurity' .*cyber_security\?\); expected .* columns records_access, .*, nhs_network\. Rename"
            ),
        ),
        ({"records_access": "", "service_desk": "yes"}, "no practice answered an .*: records_access; .*one of the"),
    ],
)
def test_no_practice_answered(tmp_path, values, message):
    """Without any answer the run stops and lists the columns looked for; answers of CCGs are not enough."""
    with pytest.raises(InputError, match=message) as caught:
        of(tmp_path, [practice("A81001", **values)])

    assert caught.value.exit_code == 2


def test_no_index_at_all_on_the_screen(tmp_path):
    """If no indicator has a weight there is no index: a dash, and nulls."""
    weights = [name for name in SCHEME.parameters if name.endswith("_weight")]
    maturity = of(tmp_path, [practice("A81001", clinical_safety="yes")], settings=dict.fromkeys(weights, 0))
    out = StringIO()
    show(maturity_document(maturity), Console(file=out, width=80))

    assert (maturity.index, indices(maturity.ccgs)) == (None, {"00C": None})
    assert "Index of all practices, weighted by list size: –. Answered: 0 of 0 (none)" in " ".join(
        out.getvalue().split()
    )


def test_a_weight_of_nothing_takes_an_indicator_out(tmp_path):
    """A yes, and a no without a weight, give 100 instead of 50; 29 indicators are asked."""
    rows = [practice("A81001", clinical_safety="yes", nhs_network="no")]
    maturity = of(tmp_path, rows, settings={"nhs_network_weight": 0})

    assert (indices(maturity.practices), maturity.indicators_asked) == ({"A81001": 100.0}, 29)


def test_a_ccg_whose_practices_have_no_patients_is_said_as_that(tmp_path):
    """00D answered and has no patients, 00J answered nothing: neither has an index, each with its reason."""
    rows = [practice("A81001", clinical_safety="yes"), practice("A81002", "00D", 0, clinical_safety="no")]
    maturity = of(tmp_path, [*rows, practice("A81003", "00J")])
    out = StringIO()
    show(maturity_document(maturity), Console(file=out, width=80))
    screen = " ".join(out.getvalue().split())

    assert indices(maturity.ccgs) == {"00C": 100.0, "00D": None, "00J": None}
    assert "1 CCG with no practice that answered: 00J." in screen
    assert "1 CCG without an index, because the practices that answered have no patients: 00D." in screen


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
@pytest.mark.parametrize("width", [60, 80])
def test_the_screen_fits(example, width, encoding):
    """No line is wider than the console, for large CCGs and any encoding; £ per head is always shown."""
    row = {"org_name": "NHS Cambridgeshire and Peterborough CCG", "practices": 107, "practices_with_index": 106}
    row |= {"ccg_population": 1_234_567.0, "allocation_per_head": 12.5, "answered_share": 1.0, "maturity_index": 100.0}
    wide = example.ccgs.with_columns(**{name: pl.lit(value) for name, value in row.items()})
    out = TextIOWrapper(BytesIO(), encoding=encoding, newline="")
    show(maturity_document(replace(example, ccgs=wide)), Console(file=out, width=width))
    out.flush()
    lines = out.buffer.getvalue().decode(encoding).splitlines()  # type: ignore[attr-defined]
    head = next(line for line in lines if line.startswith("Rank  Code  Name"))

    assert max(map(len, lines)) <= width
    assert "/head" in head
    assert ("Practices" in head) == (width == 80)
    assert any(line.endswith("12.50") for line in lines)


def test_a_column_that_map_gives_to_another_heading_is_said(tmp_path):
    """With --map records_access=data_quality the file's own data_quality is not used, and a warning names both."""
    rows = [practice("A81001", records_access="40%", data_quality="96%", clinical_safety="yes")]
    maturity = of(tmp_path, rows, mapping={"records_access": "data_quality"})
    (finding,) = [finding for finding in maturity.findings if finding.number == "I07"]

    assert maturity.result.rows["data_quality"].to_list() == [0.4]
    assert finding.level == "warning"
    assert finding.found.startswith("--map reads 'records_access' (column D) as data_quality; ")
    assert finding.found.endswith("'data_quality' (column E), which would otherwise be data_quality, is not used")


def test_points_that_leave_no_index_are_out_of_bounds(tmp_path):
    """0 points for a met indicator would be a division by 0: the message gives the minimum."""
    with pytest.raises(SchemeError, match=r"points_met is 0 in 2016/17; its minimum is 1"):
        of(tmp_path, [practice("A81001")], settings={"points_met": 0, "points_partly_met": 0})
    with pytest.raises(SchemeError, match=r"points_partly_met is 3 in 2016/17; its maximum is points_met, .* 2"):
        of(tmp_path, [practice("A81001")], settings={"points_partly_met": 3})


@pytest.mark.parametrize(("of_", "message"), [("nowhere", "found nowhere"), ("need", "found need")])
def test_of_names_a_text_column(tmp_path, of_, message):
    """A column belongs to a larger organisation through a declared text column; the message names both."""
    (tmp_path / "s.toml").write_text(
        '[scheme]\nname = "s"\ntitle = "S"\nyears = ["2014/15"]\n[inputs.need]\n[inputs.desk]\n'
        f'of = "{of_}"\n[[steps]]\nname = "allocation"\nlabel = "A"\nformula = "desk + need"\n',
        encoding="utf-8",
    )
    with pytest.raises(SchemeError, match=f"`of` must name an input column .*; {message}"):
        load(str(tmp_path / "s.toml"))


# The verb -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_results_are_verified_from_the_files_as_they_are(example, folder, tmp_path):
    """A workbook and a table run again from their manifests give the same bytes, with the CCG file."""
    write_workbook(example.result, folder / "v.xlsx")
    write_csv(example.result, folder / "v.csv")
    write_manifest(example.result, folder / "v.csv.manifest.json", folder / "v.csv", "v.csv")

    assert verify(folder / "v.xlsx").same_bytes
    changed = [row | {"service_desk": "no"} for row in read_rows(folder / "ccgs.csv")]
    write_rows(tmp_path / "ccgs.csv", changed)
    for name in ("practices.csv", "allocations.csv", "v.csv", "v.csv.manifest.json"):
        shutil.copy(folder / name, tmp_path)
    again = verify(tmp_path / "v.csv")
    assert not again.same_bytes
    assert [file.name for file in again.files if file.differs] == ["ccgs.csv"]


@pytest.mark.slow
def test_the_workbook_adds_up_no_indices(example, tmp_path):
    """The published sheet has each index once and no total; money of a CCG is not added up over its practices."""
    write_workbook(example.result, tmp_path / "m.xlsx")
    book = openpyxl.load_workbook(tmp_path / "m.xlsx", data_only=True)
    sheet, year = book["Maturity index"], book["2016-17"]
    headings = {str(cell.value).partition(" (")[0]: cell.column for cell in year[4]}

    assert [cell.value for cell in sheet[4]][2:] == ["Maturity index, 0 where it has none (ratio)", "Outcome [note 3]"]
    assert sheet["A1"].value == "Digital Primary Care Maturity Index: maturity index 2016/17"
    assert "Allocations" not in book.sheetnames
    assert [cell.value for cell in sheet[3] if cell.value is not None] == ["Status: NOT FINAL. Checks: pass."]
    assert year.cell(3, headings["Registered population"]).value == 17_000
    assert year.cell(3, headings["Allocation of the CCG, as given"]).value is None
    assert [cell.value for cell in book["Summary"]["B"]][4:6] == [0, 70]
    assert [cell.value for cell in book["Summary"]["A"]][6:] == [
        *("Practices: no index", "Practices: no index (name)"),  # an outcome that only one practice has is named
        *("Practices: full marks", "Practices: half of full marks or more"),
        *("Practices: less than half of full marks", "Practices: less than half of full marks (name)"),
    ]


@pytest.mark.slow
def test_a_workbook_says_where_each_answer_came_from(example, tmp_path):
    """Row 3 has answers of practices.csv, and of ccgs.csv with money: each input has its own place, or none."""
    write_workbook(example.result, tmp_path / "m.xlsx")
    origins = read_record(tmp_path / "m.xlsx").inputs.origins

    assert origins == example.result.inputs.origins
    assert [origins.get(("2016/17", "A81002", name)) for name in ("records_access", "it_strategy", "allocation")] == [
        "practices.csv row 3",
        "ccgs.csv row 2",
        "allocations.csv row 2",
    ]
    assert ("2016/17", "A81002", "cyber_security") not in origins


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--by-ccg c.xlsx", "--by-ccg c.xlsx: expected a name ending in .csv"),
        ("--by-ccg practices.csv", "--by-ccg practices.csv: is one of the inputs"),
        ("--by-ccg c.csv --by-practice c.csv", "--by-practice c.csv: is given twice"),
        ("-o c.csv --by-ccg c.csv", "--by-ccg c.csv: is given twice"),
        ("-o c.pdf", "-o c.pdf: expected a name ending in"),
    ],
)
def test_places_that_cannot_be_written_are_refused(folder, more, message):
    """A wrong ending, an input or one file for two tables is refused before anything is read."""
    with pytest.raises(UsageError) as caught:
        typed(f"gpit maturity --indicators practices.csv {more}", folder=folder)

    assert str(caught.value).startswith(message)


@pytest.mark.slow
def test_a_fault_leaves_nothing_behind(tmp_path):
    """With an answer that cannot be read the exit code is 2, with one line, and no file is written."""
    write_rows(tmp_path / "p.csv", [practice("A81001", clinical_safety="maybe")])
    done = gpit("maturity", "--indicators", "p.csv", "-o", "m.xlsx", "--by-ccg", "c.csv", folder=tmp_path)

    assert done.returncode == 2
    assert "clinical_safety = maybe" in words(done.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]


def test_json_is_one_document(folder, capsysbinary):
    """`--json` prints the CCGs and practices by rank, and nothing else."""
    command = "gpit maturity --indicators practices.csv --ccg-indicators ccgs.csv --json"
    with chdir(folder):
        assert app(shlex.split(command)[1:], standalone_mode=False) == 0
    document = json.loads(capsysbinary.readouterr().out)

    assert [row["org_code"] for row in document["ccgs"]] == ["00D", "00C"]
    assert document["practices"][3]["maturity_index"] is None
    assert document["manifest"]["run"]["input"] == ["practices.csv", "ccgs.csv"]


def test_the_scheme_runs_like_any_other(folder, example):
    """`gpit allocate --scheme maturity-index` on the same files gives the same table."""
    files = [folder / name for name in ("practices.csv", "ccgs.csv", "allocations.csv")]

    assert allocate(inputs=files, scheme="maturity-index").rows.equals(example.result.rows)
    with pytest.raises(GpitError, match="full_marks"):
        allocate(inputs=files, scheme="maturity-index", settings={"full_mark": 10})
