"""A page with charts and nothing else, under the policy of the page that people share, opened in Chromium."""

from __future__ import annotations

import base64
import hashlib
from contextlib import contextmanager

from browser import opened
from gpit_fairshare.reports.page.bundle import vega_script
from gpit_fairshare.reports.page.charts import charts_entry
from gpit_fairshare.reports.page.model import as_json, page_model
from javascript import CALCULATION, SCRIPTS

CHART_SCRIPTS = (*CALCULATION, "words.js", "elements.js", "measures.js", "charts.js")
STYLE = "body { margin: 16px; font-family: system-ui, sans-serif } figure { margin: 0 0 32px } svg { max-width: 100% }"
START = """
const ENTRY = JSON.parse(document.getElementById("gpit-data").textContent);
const CHARTS_READY = drawCharts(ENTRY);
window.ready = () => CHARTS_READY.then(() => true);
window.redraw = async (values) => {
  const model = makeModel(ENTRY.page.model, FORMULAS);
  const data = withRepeats(ENTRY.page);
  const run = calculate(model, data, new Map(values.map(([name, years]) => [name, new Map(years)])));
  const before = performance.now();
  updateCharts(model, data, run);
  await new Promise((resolve) => requestAnimationFrame(resolve));
  await Promise.all([...PAGE_CHARTS.values()].map(({ view }) => view.runAsync()));
  return performance.now() - before;
};
"""
NO_MODEL = (
    "window.ready = () => drawCharts(JSON.parse(document.getElementById('gpit-data').textContent)).then(() => true);"
)


def chart_page(charts, result=None):
    """Return a page with charts; with the result that they are of, `window.redraw(values)` draws a what-if."""
    entry = charts_entry(charts)
    own = [(SCRIPTS / name).read_text(encoding="utf-8") for name in CHART_SCRIPTS]
    if result:
        model = page_model(result)
        entry["page"] = model.data
        own += [model.formulas, START]
    else:
        own.append(NO_MODEL)
    script = f'(() => {{ "use strict";\n{"".join(own)}\n}})();'
    sources = " ".join(map(_hash, [vega_script(), script]))
    policy = f"default-src 'none'; script-src {sources}; style-src {_hash(STYLE)}; img-src data:;"
    policy += " form-action 'none'; base-uri 'none'"
    figures = "".join(
        f'<figure><figcaption>{chart.title}</figcaption><div class="chart" id="chart-{chart.id}"></div></figure>'
        for chart in charts
    )
    return (
        f'<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><title>Charts</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><main><h1>Charts</h1>'
        f'{figures}</main><script type="application/json" id="gpit-data">{as_json(entry)}</script>'
        f"<script>{vega_script()}</script><script>{script}</script></body></html>"
    )


def _hash(text):
    """Return the source of a policy that allows one script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@contextmanager
def drawn(folder, html, width=1280):
    """Yield a page with charts, open in Chromium, when all are drawn."""
    file = folder / "page.html"
    file.write_text(html, encoding="utf-8", newline="\n")
    with opened(file, width=width) as page:
        page.evaluate("window.ready()")
        yield page
