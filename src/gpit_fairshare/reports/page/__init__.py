"""A page to share: the report of a run in one HTML file that recalculates, and needs no network and no other file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare.reports.allocation_opening import Opening
from gpit_fairshare.reports.page.charts import charts_entry, charts_of
from gpit_fairshare.reports.page.controls import controls_html, what_if_data
from gpit_fairshare.reports.page.model import as_json, page_model
from gpit_fairshare.reports.page.parts import folded_texts
from gpit_fairshare.reports.page.shell import LICENCES, assembled, own_script
from gpit_fairshare.reports.page.static import StaticSections
from gpit_fairshare.structured_texts import json_text

if TYPE_CHECKING:
    from gpit_fairshare.engine import Result


def page_text(result: Result, *, vega: str, notices: str) -> str:
    """Return the page of a run as the text of an HTML file.

    Args:
        result: The run.
        vega: The script that draws charts; see `bundle.vega_script`.
        notices: The licences of what that script contains.
    """
    opening = Opening(result, full=True, with_codes=False)
    charts, model = charts_of(opening), page_model(result)
    sections = StaticSections(opening, charts, controls_html(result), recalculates=bool(model.formulas))
    data = {
        **model.data,
        "whatIf": what_if_data(result),
        "page": sections.texts(),
        "charts": charts_entry(charts),
    }
    manifest = "Manifest: versions, files, digests, parameters and findings", json_text(dict(result.manifest))
    appendix = folded_texts([manifest, (LICENCES, notices)])
    return assembled(
        result.scheme.title,
        sections.body(appendix),
        data={"gpit-data": as_json(data)},
        scripts=(vega, own_script(model.formulas)),
    )
