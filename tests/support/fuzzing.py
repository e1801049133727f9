"""A seeded fuzzer: valid files that were damaged, and the figures that may be read from each.

There are three kinds. `table`: rows are changed as people change them, so every cell is known. `text`: bytes of a text
file are changed; only figures on its lines may be read. `archive`: bytes in or around the parts of a workbook are
changed; only the original figures may be read, or those that openpyxl, which shares no code with the reader, reads.
"""

from __future__ import annotations

import io
import random
import zipfile
from dataclasses import dataclass
from functools import cache

from torture import HEAD, NUMBERS, book, parquet, text

CODES = ("00C", "01E", "1E5", "0123", "00D", "00J", "10G", "X2C4Y", "D4U1Y", "99A", "5E1", "14L")
NAMES = ("Darlington", "Preston & Ribble", "Café", "A, B and C", "St Helens", "Ünder", "NHS Wirral", "x")
ODD_CODES = (7, "1E+05", "", " 00C ", "00c", "C" * 101, "0\u200b1", "=1+1", "Total", "England", "#N/A", "a b", "\x07")
ENCODINGS = ("utf-8", "utf-8-sig", "cp1252", "utf-16")
SEPARATORS = (",", ";", "\t", "|")


_SIGNS = (b"\x00", b"\xff\xfe", b'"', b",", b"\n", b"\r", b"=", b"\x1a", b"9", b"sep=;\n")


@dataclass
class Mutation:
    """A file, and for each code the texts that may be its figure."""

    seed: int
    kind: str
    name: str
    data: bytes
    cells: dict[str, set[str]] | None = None
    """Figures written by the generator, by code; for an archive, before the damage. None for damaged text."""


def mutation(seed):
    """Return the file for a seed, the same on every machine."""
    draw = random.Random(seed)
    kind = ("table", "table", "text", "archive")[seed % 4]
    return {"table": _table, "text": _text, "archive": _archive}[kind](seed, draw)


def _rows(draw):
    codes = draw.sample(CODES, draw.randint(3, len(CODES)))
    return [[code, draw.choice(NAMES), draw.randint(1_000, 900_000)] for code in codes]


def _table(seed, draw):
    """Rows with up to three errors, in any format."""
    rows, head, above, below = _rows(draw), list(HEAD), [], []
    for _ in range(draw.randint(0, 3)):
        if draw.random() < 0.5:
            _change_cell(draw, rows)
        else:
            _change_layout(draw, rows, head, above, below)
    cells: dict[str, set[str]] = {}
    for code, _, figure in rows:
        cells.setdefault(str(code).strip(), set()).add(str(figure).strip())
    name, data = _rendered(draw, [*above, head, *rows, *below], f"m{seed}")
    return Mutation(seed, "table", name, data, cells)


def _change_cell(draw, rows):
    row = draw.choice(rows)
    match draw.randrange(5):
        case 0 | 1 | 2:
            row[2] = draw.choice(list(NUMBERS))
        case 3:
            row[0] = draw.choice(ODD_CODES)
        case 4:
            row[draw.randrange(3)] = ""


def _change_layout(draw, rows, head, above, below):
    at = draw.randrange(len(rows))
    match draw.randrange(7):
        case 0:
            rows.insert(at, list(draw.choice(rows)))
        case 1:
            above.append([draw.choice(["Table 1", "GP IT, 2014/15", "Draft", "£ in full"])])
        case 2:
            below += [[], [draw.choice(["Source: NHS Digital", "Notes", "* provisional"])]]
        case 3:
            rows.insert(at, ["", "", ""])
        case 4:
            total = sum(row[2] for row in rows if isinstance(row[2], int))
            below.append(["Total", "", draw.choice([total, total + 1, 5])])
        case 5:
            others = ["Code", "Name", "List size", "ODS code", "", "other", "org_code"]
            head[draw.randrange(3)] = draw.choice(others)
        case 6:
            draw.shuffle(rows)


def _rendered(draw, rows, name):
    match draw.randrange(4):
        case 0 | 1:
            encoding, separator = draw.choice(ENCODINGS), draw.choice(SEPARATORS)
            whole = text(rows, separator)
            holds = encoding != "cp1252" or whole.encode("cp1252", "replace").decode("cp1252") == whole
            return f"{name}.csv", whole.encode(encoding if holds else "utf-8")
        case 2:
            return f"{name}.xlsx", book(rows)
        case _:
            return f"{name}.tsv", text(rows, "\t").encode()


def _damaged(draw, data):
    """The bytes with a few changed, removed, repeated or added."""
    result = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(result) + 1)
        match draw.randrange(5):
            case 0 if result:
                result[at - 1] = draw.randrange(256)
            case 1:
                del result[at : at + draw.randint(1, 20)]
            case 2:
                result[at:at] = bytes(result[at : at + draw.randint(1, 40)])
            case 3:
                result[at:at] = draw.choice(_SIGNS)
            case 4:
                del result[at : len(result) if draw.random() < 0.2 else at + 1]
    return bytes(result)


def _text(seed, draw):
    rows = [HEAD, *_rows(draw)]
    data = text(rows, draw.choice(SEPARATORS)).encode(draw.choice(ENCODINGS), "replace")
    return Mutation(seed, "text", f"m{seed}.csv", _damaged(draw, data))


def _good_rows():
    return [list(row) for row in zip(CODES, NAMES * 2, range(10_000, 130_000, 10_000), strict=False)]


@cache
def _good_archives():
    rows = _good_rows()
    plain = book([HEAD, *rows])
    titled = book([["Table 1"], [], HEAD, *rows, [], ["Source: x"]])
    formulas = book([HEAD, *([code, name, ("formula", f"={people}+0", people)] for code, name, people in rows)])
    columns = {name: [row[at] for row in rows] for at, name in enumerate(HEAD)}
    workbooks = [("xlsx", data) for data in (plain, titled, formulas)]
    return [*workbooks, ("ods", ods([HEAD, *rows])), ("parquet", parquet(columns))]


def _archive(seed, draw):
    ending, data = draw.choice(_good_archives())
    cells = {code: {str(people)} for code, _, people in _good_rows()}
    if ending != "parquet" and draw.random() < 0.7:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        weighty = [name for name in parts if "sheet" in name.lower() or "content" in name or "workbook" in name]
        name = draw.choice(weighty if draw.random() < 0.8 else list(parts))
        parts[name] = _damaged(draw, parts[name])
        result = io.BytesIO()
        with zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as archive:
            for part, content in parts.items():
                archive.writestr(part, content)
        data = result.getvalue()
    else:
        data = _damaged(draw, data)
    return Mutation(seed, "archive", f"m{seed}.{ending}", data, cells)


def ods(rows):
    """A plain .ods workbook in bytes."""

    def cell(value):
        if isinstance(value, int):
            value_type = f'office:value-type="float" office:value="{value}"'
            return f"<table:table-cell {value_type}><text:p>{value}</text:p></table:table-cell>"
        escaped = str(value).replace("&", "&amp;").replace("<", "&lt;")
        return f'<table:table-cell office:value-type="string"><text:p>{escaped}</text:p></table:table-cell>'

    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    urn = "urn:oasis:names:tc:opendocument:xmlns"
    names = "".join(f' xmlns:{name}="{urn}:{name}:1.0"' for name in ("office", "table", "text"))
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names} office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="Data">{lines}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        f'<?xml version="1.0"?><manifest:manifest xmlns:manifest="{urn}:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return result.getvalue()
