"""Parts of every page: its frame, blocks of a report, places of charts, and the table of organisations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gpit_fairshare.reports.formats.html import escaped, html_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from gpit_fairshare.reports.document import Block
    from gpit_fairshare.reports.page.charts import PageChart


class PageColumn(NamedTuple):
    """A column of the table of organisations."""

    key: str
    """The name of its figure in the rows of the script."""
    heading: str
    is_figure: bool = True

    @property
    def html_class(self) -> str:
        """Return the attribute of its cells."""
        return ' class="figure"' if self.is_figure else ""


def page_body(
    heading: tuple[str, str],
    sections: Iterable[tuple[str, str, str]],
    appendix: str = "",
    need_script: Collection[str] = (),
) -> str:
    """Return the content of a page: heading, banner, sections and the list of them, and `appendix` as HTML below.

    Args:
        heading: The heading, and what is below it in small print.
        sections: Id, heading and HTML of each; one without HTML is left out.
        appendix: What is below them.
        need_script: Ids of sections that only scripts bring to life.
    """
    needs_script = ' class="needs-script"'
    contents = [(name, title, text) for name, title, text in sections if text]
    answer, *others = (
        f'<section id="{name}" aria-labelledby="{name}-heading"{needs_script if name in need_script else ""}>\n'
        f'<h2 id="{name}-heading">{escaped(title)}</h2>\n{text}</section>\n'
        for name, title, text in contents
    )
    links = "".join(f'<li><a href="#{name}">{escaped(title)}</a></li>\n' for name, title, _ in contents)
    return (
        f'<a class="skip" href="#{contents[0][0]}">Skip to the answer</a>\n<main>\n'
        f'<h1>{escaped(heading[0])} <span class="subject">{escaped(heading[1])}</span></h1>\n'
        f'<div id="what-if-banner" hidden></div>\n{answer}'
        f'<nav aria-label="Contents">\n<ol>\n{links}</ol>\n</nav>\n{"".join(others)}</main>\n'
        f"<footer>\n{appendix}</footer>\n"
    )


def folded_texts(texts: Iterable[tuple[str, str]]) -> str:
    """Return long texts, each folded below its summary."""
    return "".join(
        f'<details class="long">\n<summary>{escaped(summary)}</summary>\n<pre tabindex="0">{escaped(text)}</pre>\n'
        "</details>\n"
        for summary, text in texts
    )


def blocks_html(blocks: Iterable[Block]) -> str:
    """Return blocks as HTML below the heading of a section; tables scroll sideways, with the keyboard as well."""
    region = '<div class="table" role="group" aria-label="Table" tabindex="0">'
    return "".join(html_of([*blocks], level=3)).replace('<div class="table">', region)


def chart_place(chart: PageChart | None, mark: str = "") -> str:
    """Return the place of a chart, with a mark after its title; an empty text if there is none."""
    if chart is None:
        return ""
    return (
        f'<figure>\n<figcaption>{escaped(chart.title + mark)}</figcaption>\n<div class="chart" id="chart-{chart.id}">'
        f"<p>{escaped(chart.description)}</p><p>To draw this chart, the browser must run scripts. "
        "The tables of this page have its figures.</p></div>\n</figure>\n"
    )


def organisation_table(
    columns: Sequence[PageColumn],
    rows: Iterable[tuple[str, Sequence[str]]],
    caption: tuple[str, str],
    sorted_by: tuple[str, str],
    years: tuple[Sequence[str], int],
    mark: str = "",
) -> str:
    """Return the table of organisations, with the controls that search, filter and save it.

    Args:
        columns: Its columns; the cells of the first are the headings of the rows.
        rows: The code and the texts of the cells of each organisation; an empty text becomes a dash.
        caption: Its caption, and the year in it.
        sorted_by: The key of the column that sorts the rows, and `ascending` or `descending`.
        years: What can be chosen, and the place of what is shown; no choice if there is only one.
        mark: What follows the year in the caption.
    """
    key, order = sorted_by
    sorting = f' aria-sort="{order}"'
    headings = "".join(
        f'<th scope="col" data-key="{column.key}"{column.html_class}'
        f"{sorting if column.key == key else ''}>{escaped(column.heading)}</th>"
        for column in columns
    )
    lines = []
    for code, (first, *texts) in rows:
        cells = "".join(
            f"<td{column.html_class}>{escaped(text or '–')}</td>"
            for column, text in zip(columns[1:], texts, strict=True)
        )
        lines.append(f'<tr data-code="{escaped(code)}"><th scope="row">{escaped(first)}</th>{cells}</tr>\n')
    return (
        f"{_table_controls(columns, *years)}"
        '<div class="table whole" role="region" aria-labelledby="organisations-caption" tabindex="0">\n'
        f'<table id="organisations">\n<caption id="organisations-caption">{escaped(caption[0])} '
        f'<span id="organisations-year">{escaped(caption[1])}</span>{escaped(mark)}</caption>\n'
        f"<thead>\n<tr>{headings}</tr>\n</thead>\n<tbody>\n{''.join(lines)}</tbody>\n</table>\n</div>\n"
        '<div id="table-pages" class="needs-script" hidden><button type="button">Previous page</button> '
        '<button type="button">Next page</button></div>\n'
    )


def _table_controls(columns: Sequence[PageColumn], years: Sequence[str], chosen: int) -> str:
    """Return the fields that search, filter and save the table, which the script needs."""
    search = '<input id="table-search" type="search" autocomplete="off">'
    fields = [f'<p><label for="table-search">Search by code or name</label>{search}</p>']
    fields += [
        f'<p><label for="table-area">{escaped(column.heading)}</label>'
        '<select id="table-area" autocomplete="off"><option value="">All</option></select></p>'
        for column in columns
        if column.key == "area"
    ]
    if len(years) > 1:
        options = "".join(
            f'<option value="{index}"{" selected" if index == chosen else ""}>{escaped(year)}</option>'
            for index, year in enumerate(years)
        )
        fields.append(
            f'<p><label for="table-year">Year</label><select id="table-year" autocomplete="off">{options}</select></p>'
        )
    return (
        f'<div class="controls needs-script">\n{"".join(fields)}\n'
        '<p><button id="table-download" type="button">Download as CSV</button></p>\n</div>\n'
        '<p id="table-count" class="needs-script" role="status"></p>\n'
        '<p id="table-order" class="hidden-text" role="status"></p>\n'
    )
