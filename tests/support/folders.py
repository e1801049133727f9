"""Folders of input files for tests: write them, read them, and return their errors."""

import io
import random
import zipfile
from pathlib import Path

import openpyxl
import pytest

from gpit_fairshare.errors import InputError
from gpit_fairshare.inputs.checked_tables import read_inputs
from gpit_fairshare.inputs.model import NeededColumn, Request

SHARED = Path(__file__).parents[3] / "shared" / "data"
SAMPLES = Path(__file__).parents[2] / "data" / "samples"

PEOPLE = NeededColumn("registered_population", "number", "people")
SPEND = NeededColumn("historic_spend", "number", "£")
COUNTS = {"cost_type": ("revenue",), "committed": ("yes",)}

POPULATION = "org_code,org_name,registered_population\n00C,Darlington,100\n00D,Durham Dales,200\n"
TOTALS = "org_code,historic_spend\n00C,10.50\n00D,20\n"
LINES = """org_code,category,cost_type,committed,amount
00C,Core,Revenue,YES,10.10
00C,core,capital,yes,5
00D,Other,revenue,no,7
00D,core,revenue,yes,20.20
"""


def published(name):
    """A published file; skip the test if it is missing."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name}, a published file, is not beside the repository")
    return str(path)


def repeatable(seed):
    """Random draws that are the same in every run."""
    return random.Random(seed)


class Folder:
    """A folder of input files, and requests for them."""

    def __init__(self, path):
        self.path = path

    def file(self, name, content):
        """Write a file and return its name for a request."""
        data = content if isinstance(content, bytes) else content.encode()
        (self.path / name).write_bytes(data)
        return str(self.path / name)

    def book(self, name, **sheets):
        """Write a workbook with rows of cells by sheet."""
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        book.save(self.path / name)
        return str(self.path / name)

    def read(self, population=None, spend=None, extra=None, **options):
        """Read texts as CSV files, or files by name."""
        names = {}
        for option, source in (("population", population), ("spend", spend), ("extra", extra)):
            files = [source] if isinstance(source, str) else list(source or ())
            names[option] = tuple(
                self.file(f"{option}{number or ''}.csv", text) if "\n" in text or not text else text
                for number, text in enumerate(files)
            )
        needs = [need for need, source in ((PEOPLE, population), (SPEND, spend)) if source is not None]
        return read_inputs(Request(**{"years": ("2014/15",), "needs": tuple(needs), **names, **options}))

    def faults(self, *files, **options):
        """Read files that have errors, and return the errors."""
        with pytest.raises(InputError) as caught:
            self.read(*files, **options)
        return [finding for finding in caught.value.findings if finding.level == "error"]

    def fault(self, *files, **options):
        """Read files that have one error, and return it."""
        faults = self.faults(*files, **options)
        assert len(faults) == 1, [str(fault) for fault in faults]
        return faults[0]


def about(inputs, kind):
    """The texts of the findings with a code."""
    return [str(finding) for finding in inputs.findings if finding.number == kind.number]


def column(inputs, name, year="2014/15"):
    """A column of a table by organisation."""
    table = inputs.tables[year]
    return dict(zip(table["org_code"], table[name], strict=True))


def rezipped(data, **changes):
    """The bytes of a workbook with some parts changed."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = Path(name).stem
            new.writestr(name, changes[part](old.read(name)) if part in changes else old.read(name))
    return result.getvalue()
