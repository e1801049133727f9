"""Results read back from their files: nothing is lost, and the rule in them gives the same figures again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import openpyxl
import polars as pl
import pytest

from gpit_fairshare import GpitError, UsageError, allocate, compare, explain, verify
from gpit_fairshare.results import manifest_name
from gpit_fairshare.results.model import record_of
from gpit_fairshare.results.reading import read_record
from gpit_fairshare.results.writing import write_csv, write_json, write_manifest, write_parquet
from gpit_fairshare.scheme.definition import defined, definition
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.workbook.result_workbook import write_workbook
from hard_schemes import HARD, merged
from recalculation import recalculate
from rulebook import RULES
from running import SAMPLES, gpit, words, write_rows
from small_schemes import TWO, people_by_year, scheme
from tiers import slow, slow_but

if TYPE_CHECKING:
    from pathlib import Path

    from gpit_fairshare import Result

SMALL = ("groups_of_groups", "merged", "no_spend", "optional_blanks")
"""Names of schemes that are enough at a desk."""
WRITERS = {".json": write_json, ".xlsx": write_workbook, ".csv": write_csv, ".parquet": write_parquet}


def stored(result: Result, folder: Path, ending: str) -> Path:
    """A result as a file of a kind; a table with its manifest."""
    path = folder / f"out{ending}"
    WRITERS[ending](result, path)
    if ending in (".csv", ".parquet"):
        write_manifest(result, folder / manifest_name(path), path, path.name)
    return path


def same_rows(left: pl.DataFrame, right: pl.DataFrame) -> bool:
    """Whether two tables have the same columns, types and cells; a blank name is an empty one."""
    filled = [frame.with_columns(pl.col("org_name").fill_null("")) for frame in (left, right)]
    return filled[0].equals(filled[1], null_equal=True) and left.columns == right.columns


# Reading back what was written -----------------------------------------------------------------------


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("make", slow_but(SMALL, HARD), ids=lambda make: make.__name__)
def test_a_result_of_any_scheme_comes_back_whole(tmp_path, make, ending):
    """Every kind of file gives back rows, answer and rule, and recalculation gives the same rows."""
    result = make(tmp_path)
    record = read_record(stored(result, tmp_path, ending))

    assert same_rows(record.rows, result.rows)
    assert record.answer == result.scheme.result
    assert definition(record.scheme) == definition(result.scheme)
    assert same_rows(record.calculate().rows, result.rows)


@pytest.mark.parametrize("ending", slow_but([".json", ".csv"], WRITERS))
def test_a_result_says_where_each_input_came_from(tmp_path, ending):
    """The first CCG's patients come from row 2 of the sample's file, in every kind of result file."""
    record = read_record(stored(allocate(sample=True), tmp_path, ending))

    assert record.inputs.origins["2014/15", "00C", "registered_population"] == "england-2014-15-population.csv row 2"
    assert record.inputs.origins["2015/16", "00C", "historic_spend"] == "3 rows of england-2014-15-spend.csv"


def test_a_run_is_a_record_too():
    """A finished run needs no file to be read back."""
    result = allocate(sample=True)

    assert record_of(result, "this run").calculate().rows.equals(result.rows)


def but_for_keys_and_places(scheme):
    """A scheme whose sources have no key, and whose formulas are texts: two files may give one key to two sources."""
    keyless = {source: replace(source, key="") for source in scheme.sources}
    return replace(
        scheme,
        sources=tuple(keyless.values()),
        steps=tuple(replace(step, tree=step.formula) for step in scheme.steps),
        checks=tuple(replace(check, tree=check.formula) for check in scheme.checks),
        parameters={
            name: replace(
                parameter,
                values={
                    year: replace(value, source=value.source and replace(value.source, key=""))
                    for year, value in parameter.values.items()
                },
            )
            for name, parameter in scheme.parameters.items()
        },
    )


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_scheme_goes_through_its_definition_unchanged(rule):
    """Through JSON and back, a scheme is the same in every part that decides a result or is printed."""
    scheme = load(**rule.options(), settings=rule.settings)
    table = json.loads(json.dumps(definition(scheme)))
    again = defined(table, scheme.files, scheme.digest, "x.json")

    # The run itself says which values an exchanged part left unused.
    assert but_for_keys_and_places(again) == replace(but_for_keys_and_places(scheme), notes=())


def test_a_fraction_stays_exact(tmp_path):
    """A value written as 1/3 is read back as 1/3, not as a decimal close to it."""
    record = read_record(stored(allocate(sample=True, settings={"support_share": "1/3"}), tmp_path, ".json"))

    value = record.scheme.parameters["support_share"].values["2014/15"]
    assert (value.as_written, value.value, value.overridden) == ("1/3", 1 / 3, True)


def test_mergers_of_the_users_own_come_along(tmp_path):
    """A crosswalk file is not needed again: its content is in the manifest."""
    steps = "allocation = previous(allocation, first=registered_population)"
    years = {"2014/15": {"QA": 10, "QB": 20}, "2015/16": {"QC": 30}}
    walk = [{"org_code": code, "successor_code": "QC", "effective_date": "2015-04-01"} for code in ("QA", "QB")]
    people = people_by_year(tmp_path, years)
    steps = steps.replace("allocation)", "allocation)") + " # people"
    result = allocate(
        population=people,
        crosswalk=write_rows(tmp_path / "walk.csv", walk),
        scheme=scheme(tmp_path, steps, years=TWO),
    )
    record = read_record(stored(result, tmp_path, ".json"))

    assert record.calculate().rows["allocation"].to_list() == [10, 20, 30]


# Changed workbooks ----------------------------------------------------------------------------


def cell_of(path: Path, sheet: str, code: str, heading: str) -> str:
    """The cell of an organisation's figure on a sheet of a year."""
    with path.open("rb") as stream:
        table = openpyxl.load_workbook(stream)[sheet]
    column = next(cell.column_letter for cell in table[4] if str(cell.value).startswith(heading))
    row = next(row[0].row for row in table.iter_rows(min_row=5) if row[0].value == code)
    return f"{column}{row}"


@pytest.mark.usefixtures("libreoffice")
def test_a_changed_workbook_is_read_as_it_is_now(tmp_path):
    """A parameter halved in the workbook and recalculated by LibreOffice is in the record's parameters and rows."""
    book = stored(allocate(sample=True), tmp_path, ".xlsx")
    changed = openpyxl.load_workbook(book)
    cell = next(row[3] for row in changed["Parameters"].iter_rows(min_row=5) if row[1].value == "revenue_budget")
    cell.value = 70_000_000
    changed.save(tmp_path / "changed.xlsx")
    (tmp_path / "again").mkdir()
    record = read_record(recalculate(tmp_path / "changed.xlsx", tmp_path / "again"))
    value = record.scheme.parameters["revenue_budget"].values["2014/15"]
    expected = allocate(sample=True, settings={"revenue_budget@2014/15": 70_000_000})

    assert (value.value, value.overridden, value.source) == (70_000_000, True, None)
    assert record.rows["allocation"].to_list() == expected.rows["allocation"].to_list()
    assert record.calculate().rows["allocation"].to_list() == expected.rows["allocation"].to_list()


@pytest.mark.usefixtures("libreoffice")
def test_a_typed_over_figure_is_the_records_figure_and_not_its_rules(tmp_path):
    """The record has the figure of the cell; its rule still gives the figure of the rule."""
    result = allocate(sample=True)
    book = stored(result, tmp_path, ".xlsx")
    changed = openpyxl.load_workbook(book)
    cell = cell_of(book, "2014-15", "00C", "Allocation")
    changed["2014-15"][cell].value = 1
    changed.save(tmp_path / "changed.xlsx")
    (tmp_path / "again").mkdir()
    record = read_record(recalculate(tmp_path / "changed.xlsx", tmp_path / "again"))

    assert record.rows.row(0, named=True)["allocation"] == 1
    assert record.calculate().rows.row(0, named=True)["allocation"] == result.rows["allocation"][0]


# Files that cannot be read ------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    """The one line that says why a file is not a result."""
    with pytest.raises(GpitError) as caught:
        read_record(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    return str(caught.value)


def test_files_that_hold_no_result_are_refused_with_a_reason(tmp_path):
    """Another JSON document, another workbook, a damaged one, a table without codes: each in one line."""
    other = {
        "a.json": "{}",
        "b.json": "[1, 2",
        "c.json": '{"schema": "gpit-check/1"}',
        "d.json": '{"schema": "gpit-allocation/1", "rows": [1]}',
        "e.csv": "a,b\n1,2\n",
        "f.csv": "",
        "g.xlsx": "no archive",
        "h.parquet": "no table",
        "j.csv": "year,org_code,allocation\n2014/15,,1\n",
    }
    for name, text in other.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    openpyxl.Workbook().save(tmp_path / "k.xlsx")

    messages = {name: refused(tmp_path / name) for name in [*other, "k.xlsx"]}
    assert "no schema" in messages["a.json"]
    assert "gpit-check/1" in messages["c.json"]
    assert "no column year" in messages["e.csv"]
    assert "org_code is blank" in messages["j.csv"]
    assert "no readable manifest" in messages["k.xlsx"]


def test_a_file_that_is_not_there_names_its_neighbour(tmp_path):
    """For a misspelled name, the message has the nearest name in the folder."""
    (tmp_path / "allocations.json").write_text("{}", encoding="utf-8")

    with pytest.raises(UsageError, match=r"did you mean allocations\.json"):
        read_record(tmp_path / "allocation.json")


def test_an_organisation_twice_is_refused(tmp_path):
    """Two rows for one organisation and year: it is unclear which one counts."""
    path = write_rows(
        tmp_path / "o.csv", [{"year": "2014/15", "org_code": "A", "allocation": amount} for amount in (1, 2)]
    )

    assert "A is in 2014/15 more than once" in refused(path)


@pytest.mark.slow
def test_a_workbook_without_values_says_which_cell(tmp_path):
    """Openpyxl drops the values of formulas: the message names the first cell without a value, and what to do."""
    book = stored(allocate(sample=True), tmp_path, ".xlsx")
    openpyxl.load_workbook(book).save(tmp_path / "saved.xlsx")

    message = refused(tmp_path / "saved.xlsx")
    assert "National figures!D5" in message
    assert "save it" in message


@pytest.mark.parametrize("ending", [".json", ".csv", ".xlsx"])
def test_a_manifest_that_is_not_gpits_is_refused(tmp_path, ending):
    """For any entry that is missing or has the wrong type, the message is one line without a traceback."""
    path = stored(merged(tmp_path), tmp_path, ending)
    place = tmp_path / manifest_name(path) if ending == ".csv" else path
    if ending == ".xlsx":
        book = openpyxl.load_workbook(path)
        for row in book["Manifest"].iter_rows(min_row=5):
            if str(row[0].value).startswith("JSON 1 "):
                row[1].value = '{"run": 1}'
            elif str(row[0].value).startswith("JSON "):
                row[1].value = " "
        book.save(path)
        refused(path)
        return
    whole = json.loads(place.read_text("utf-8"))
    for key in ("definition", "scheme", "crosswalk", "columns", "inputs"):
        for value in (None, 5, [1], {"a": 1}, "x"):
            broken = json.loads(json.dumps(whole))
            broken["manifest"][key] = value
            place.write_text(json.dumps(broken), encoding="utf-8")
            refused(path)
    for key, value in (("steps", [{"name": "x"}]), ("parameters", 1), ("years", []), ("result", "nothing")):
        broken = json.loads(json.dumps(whole))
        broken["manifest"]["definition"][key] = value
        place.write_text(json.dumps(broken), encoding="utf-8")
        refused(path)


# The manifest of a table ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_tables_have_their_manifest_beside_them_on_request(tmp_path):
    """`--manifest` writes the digest of each table, its rule and its run; without it there is none."""
    done = gpit("allocate", "--sample", "-o", "o.csv", "-o", "o.parquet", "--manifest", folder=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert "o.csv.manifest.json" in words(done.stdout)

    for name in ("o.csv", "o.parquet"):
        document = json.loads((tmp_path / f"{name}.manifest.json").read_text("utf-8"))
        assert document["table"]["sha256"] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert document["manifest"]["run"]["sample"] is True
    gpit("allocate", "--sample", "-o", "p.csv", folder=tmp_path)
    assert not (tmp_path / "p.csv.manifest.json").exists()


@pytest.mark.slow
def test_a_manifest_needs_a_table_and_its_own_file(tmp_path):
    """`--manifest` with only a workbook, or with the name of another output, is refused; nothing is written."""
    for options in (["-o", "o.xlsx"], [], ["-o", "o.csv", "-o", "o.csv.manifest.json"]):
        done = gpit("allocate", "--sample", "--manifest", *options, folder=tmp_path)
        assert done.returncode == 2
        assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_table_without_its_manifest_has_rows_alone(tmp_path):
    """The cells decide whether a column is numbers, yes/no or texts; the rule is not known."""
    result = allocate(sample=True)
    write_csv(result, tmp_path / "o.csv")
    record = read_record(tmp_path / "o.csv")

    assert record.rows.equals(result.rows)
    with pytest.raises(UsageError, match="--manifest"):
        record.calculate()


def test_the_manifest_names_no_folder(tmp_path):
    """The manifest has the names of files without their folders; sheets stay."""
    rows = [{"org_code": code, "registered_population": 5} for code in "AB"]
    book = openpyxl.Workbook()
    for row in [list(rows[0]), *(list(row.values()) for row in rows)]:
        book.active.append(row)
    book.save(tmp_path / "people.xlsx")
    result = allocate(population=f"{tmp_path / 'people.xlsx'}:Sheet", transition="none")

    assert result.manifest["run"]["population"] == ["people.xlsx:Sheet"]
    assert result.manifest["run"]["transition"] == "none"
    assert str(tmp_path) not in json.dumps(result.manifest)


# Incomplete tables -----------------------------------------------------------------------


def test_a_manifest_of_another_table_is_not_believed(tmp_path):
    """A table changed since its manifest was written is refused with what to do; without the manifest it is rows."""
    path = stored(allocate(sample=True), tmp_path, ".csv")
    path.write_text(path.read_text("utf-8").replace("263549", "263550"), encoding="utf-8")

    assert "gpit verify to see what differs" in refused(path)
    (tmp_path / manifest_name(path)).unlink()
    assert read_record(path).scheme is None


@pytest.mark.slow
def test_a_manifest_beside_a_table_is_renewed_with_it(tmp_path):
    """Writing the table again without --manifest does not leave the old manifest in place."""
    gpit("allocate", "--sample", "-o", "o.csv", "--manifest", folder=tmp_path)
    done = gpit("allocate", "--sample", "--set", "transition_fund=5", "-o", "o.csv", folder=tmp_path)

    assert "o.csv.manifest.json" in words(done.stdout)
    assert read_record(tmp_path / "o.csv").scheme.parameters["transition_fund"].values["2014/15"].value == 5


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("306,056", "expected a number, found '306,056'"),
        ("nan", "expected a number, found 'nan'"),
        ("1e400", "expected a number"),
        ("9" * 400, "expected a number"),
        ("", "allocation of B in 2014/15 is blank"),
    ],
)
def test_an_answer_that_is_no_number_is_refused(tmp_path, cell, message):
    """Money that cannot be read never counts as 0: the message names the organisation and the year."""
    rows = [{"year": "2014/15", "org_code": code, "allocation": amount} for code, amount in (("A", 1), ("B", cell))]

    assert message in refused(write_rows(tmp_path / "o.csv", rows))


def test_a_table_that_was_cut_off_is_refused(tmp_path):
    """A last row without its answer does not count as an allocation of 0."""
    (tmp_path / "o.csv").write_text("year,org_code,allocation\n2014/15,A,5\n2014/15,B", encoding="utf-8")

    assert "allocation of B in 2014/15 is blank" in refused(tmp_path / "o.csv")


def test_without_a_manifest_the_answer_is_called_allocation(tmp_path):
    """Which other column is the answer is not known, and not guessed."""
    row = {"year": "2014/15", "org_code": "A", "final": 5, "rank": 1}

    assert read_record(write_rows(tmp_path / "o.csv", [row])).answer == ""
    assert read_record(write_rows(tmp_path / "p.csv", [{**row, "allocation": 2}])).answer == "allocation"


def changed_document(folder: Path, change) -> Path:
    """The sample's JSON document with something changed in it."""
    path = stored(allocate(sample=True), folder, ".json")
    document = json.loads(path.read_text("utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: document["rows"].append(document["rows"][0]), "00C is in 2014/15 more than once"),
        slow(lambda document: document["rows"][0].update(allocation=int("9" * 400)), "expected a number"),
        slow(lambda document: document["rows"][0].update(fair_share=None), "fair_share of 00C in 2014/15 is blank"),
        (lambda document: document["manifest"].update(findings=[1]), "findings"),
        slow(lambda document: document["manifest"].update(checks="x"), "checks"),
        (lambda document: document["manifest"]["definition"].update(sources=[1]), "not in the form that gpit writes"),
    ],
)
def test_a_document_that_was_tampered_with_is_refused(tmp_path, change, message):
    """A row twice, an endless number, a step without a value, lists of the wrong type: one line each."""
    assert message in refused(changed_document(tmp_path, change))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda book: book["2014-15"].delete_rows(10), "2014-15, row 215: rows were added, deleted"),
        (lambda book: book["2014-15"].insert_rows(10), "2014-15, row 10: rows were added"),
        (lambda book: setattr(book["2014-15"]["D7"], "value", "many"), "2014-15!D7: expected a number, found 'many'"),
        (lambda book: setattr(book["2014-15"], "title", "First year"), "no sheet '2014-15'"),
    ],
)
def test_a_workbook_whose_rows_or_sheets_were_moved_says_so(tmp_path, edit, message):
    """Rows added or deleted, a sheet renamed, a text in place of a figure: the message names the place."""
    path = tmp_path / "book.xlsx"
    result = allocate(sample=True)
    write_workbook(result, path)
    with path.open("rb") as stream:
        book = openpyxl.load_workbook(stream)
        values = openpyxl.load_workbook(path, data_only=True)
    for sheet in book:  # formulas as their values: openpyxl would save them without any
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str) and cell.value.startswith("="):
                    cell.value = values[sheet.title][cell.coordinate].value
    edit(book)
    book.save(path)

    assert message in refused(path)


# Inputs changed in a workbook --------------------------------------------------------------------------------


def with_values(path: Path, change) -> Path:
    """A workbook with its formulas replaced by their values, and something changed in it."""
    with path.open("rb") as stream:
        values = openpyxl.load_workbook(stream, data_only=True)
    change(values)
    values.save(path.with_name("values.xlsx"))
    return path.with_name("values.xlsx")


@pytest.mark.usefixtures("libreoffice")
def test_an_input_changed_in_the_workbook_is_not_said_to_be_that_of_the_file(tmp_path):
    """Patients changed on Population and recalculated come from the workbook; all others still from the file."""
    book = stored(allocate(sample=True), tmp_path, ".xlsx")
    changed = openpyxl.load_workbook(book)
    changed["Population"]["E5"].value = 150_000
    changed.save(tmp_path / "changed.xlsx")
    (tmp_path / "again").mkdir()
    record = read_record(recalculate(tmp_path / "changed.xlsx", tmp_path / "again"))
    origins = record.inputs.origins

    assert record.rows["registered_population"][0] == 150_000
    for year in ("2014/15", "2015/16"):
        assert origins[year, "00C", "registered_population"].startswith("changed in the workbook since the run")
        assert origins[year, "00C", "historic_spend"] == "3 rows of england-2014-15-spend.csv"
        assert origins[year, "00D", "registered_population"] == "england-2014-15-population.csv row 3"


@pytest.mark.slow
def test_an_input_typed_over_on_the_sheet_of_a_year_is_seen(tmp_path):
    """The figure on the sheet of a year counts, and its origin says that it was changed since the run."""
    book = stored(allocate(sample=True), tmp_path, ".xlsx")
    path = with_values(book, lambda values: setattr(values["2014-15"]["D5"], "value", 150_000))
    origins = read_record(path).inputs.origins

    assert origins["2014/15", "00C", "registered_population"].startswith("changed in the workbook since the run")
    assert origins["2015/16", "00C", "registered_population"] == "england-2014-15-population.csv row 2"


@pytest.mark.slow
def test_a_changed_workbook_that_was_not_worked_out_again_is_refused(tmp_path):
    """A changed patient figure on Population that no sheet has yet: it is unclear which one counts."""
    book = stored(allocate(sample=True), tmp_path, ".xlsx")
    path = with_values(book, lambda values: setattr(values["Population"]["E5"], "value", 150_000))

    assert "Population!E5 was changed" in refused(path)
    assert "recalculate" in refused(path)


@pytest.mark.slow
def test_fifteen_digits_are_the_same_value(tmp_path):
    """A sixth, of which a workbook keeps 15 or 16 digits, does not count as changed."""
    record = read_record(stored(allocate(sample=True, settings={"support_share": "1/6"}), tmp_path, ".xlsx"))
    value = record.scheme.parameters["support_share"].values["2014/15"]

    assert (value.as_written, value.assumption) == ("1/6", "Set for this run with --set.")


@pytest.mark.parametrize("ending", [".xlsx", ".json", ".csv"])
def test_a_comparison_is_no_result(tmp_path, ending):
    """A file of gpit compare is refused by explain, verify and compare, with what to give instead."""
    files = {"population": SAMPLES / "abcd-population.csv", "spend": SAMPLES / "abcd-spend.csv", "with_effects": False}
    result = allocate(**files)
    path = tmp_path / f"what-if{ending}"
    compare(result, allocate(**files, settings={"transition_fund": 1_000})).write(path)
    message = f"what-if{ending}: is a comparison of gpit compare; give one of the two results that it compares"

    for read in (lambda: explain(path, "A"), lambda: verify(path), lambda: compare(path, result)):
        with pytest.raises(UsageError) as fault:
            read()
        assert str(fault.value) == message
