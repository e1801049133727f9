// The charts of the page, drawn by Vega-Lite; in a what-if their rows and descriptions, as reports/page/charts.py has them.

/** Charts of the page by id: the chart, its element, its rows, Vega's view once it is drawn, and the next frame. */
const PAGE_CHARTS = new Map();
const LARGEST_NAMED = 10;
const MOST_CHANGES_IN_FULL = 300;
const LARGEST_NAMED_OF_MANY = 30;
const NAMED_ROW_HEIGHT = 22;
const THIN_ROW_HEIGHT = 2;
const GAP_HEIGHT = 34;
const LARGEST_IN_WORDS = 3;

/** Draw each chart in its element `chart-ID`, with its description; without Vega the elements stay as they are. */
async function drawCharts({ config, charts }) {
  if (typeof window.vegaEmbed !== "function") return;
  await Promise.all(charts.map(async (chart) => {
    const element = document.getElementById(`chart-${chart.id}`);
    if (!element) return;
    const drawing = document.createElement("div");
    drawing.setAttribute("aria-hidden", "true");
    element.replaceChildren(drawing);
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", chart.description);
    const spec = { ...chart.spec, datasets: { rows: chart.rows } };
    const drawn = { chart, element, rows: chart.rows, view: null, frame: 0, draw: null };
    drawn.draw = drawnWhenSeen(element, () => drawn.view && showRows(drawn));
    PAGE_CHARTS.set(chart.id, drawn);
    // The page's policy allows no code from texts, and no style sheets but its own.
    const options = { config, ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: false };
    drawn.view = (await window.vegaEmbed(drawing, spec, options)).view;
    if (drawn.rows !== chart.rows) await showRows(drawn);
  }));
}

/** Give a chart other rows and their description; they are drawn in the next frame, only the latest if there are more. */
function updateChart(id, rows, description) {
  const drawn = PAGE_CHARTS.get(id);
  if (!drawn) return;
  drawn.element.setAttribute("aria-label", description);
  drawn.rows = rows;
  drawn.frame ||= requestAnimationFrame(() => {
    drawn.frame = 0;
    drawn.draw();
  });
}

/** Draw the latest rows of a chart. */
function showRows(drawn) {
  return drawn.view.data("rows", drawn.rows).runAsync();
}

/** Give every chart the rows and the description of a run. */
function updateCharts(model, data, run) {
  for (const { chart } of PAGE_CHARTS.values()) {
    const { rows, description } = chartOf(chart, model, data, run);
    updateChart(chart.id, rows, description);
  }
}

/** Return the rows and the description of a chart for a run. */
function chartOf(chart, model, data, run) {
  const last = organisationRows(model, data, run, run.years.length - 1);
  if (chart.id === "gains-and-losses") return changesOf(chart, model, last);
  if (chart.id === "spread") return ratesOf(chart, last);
  return chart.bands.length ? distancesOf(chart, model, data, run) : totalsOf(chart, model, run);
}

// Gains and losses

/** Return the chart of the changes of all organisations, on historic spend or else on the opening baseline. */
function changesOf(chart, model, organisations) {
  const key = organisations.some((row) => row.spendChange !== null) ? "spendChange" : "change";
  const uses = new Map();
  for (const { name } of organisations) uses.set(name, (uses.get(name) ?? 0) + 1);
  const label = ({ name, code }) => (!name ? code : uses.get(name) === 1 ? name : `${code} ${name}`);
  const ordered = organisations.filter((row) => row[key] !== null)
    .map((row) => ({ label: label(row), change: row[key] }))
    .sort((one, other) => one.change - other.change || byCodePoint(one.label, other.label));
  return { rows: changeRows(ordered), description: changesInWords(chart.title, ordered, model.organisation) };
}

/** Return the height of each bar from the top, in pixels; all those that are left out of many have one place. */
function rowHeights(number) {
  const all = (count, height) => Array(count).fill(height);
  if (number <= 4 * LARGEST_NAMED) return all(number, NAMED_ROW_HEIGHT);
  const isFull = number <= MOST_CHANGES_IN_FULL;
  const named = all(isFull ? LARGEST_NAMED : LARGEST_NAMED_OF_MANY, NAMED_ROW_HEIGHT);
  return [...named, ...(isFull ? all(number - 2 * named.length, THIN_ROW_HEIGHT) : [GAP_HEIGHT]), ...named];
}

/** Return a row for each bar, its place in pixels from the top and the side of its name; zero is in the middle. */
function changeRows(ordered) {
  const heights = rowHeights(ordered.length);
  const row = (label, change, top, bottom, side) => ({ label, change, top, middle: (top + bottom) / 2, bottom, side });
  const isMany = ordered.length > MOST_CHANGES_IN_FULL;
  const bars = isMany ? [...ordered.slice(0, LARGEST_NAMED_OF_MANY), { label: "", change: 0 },
    ...ordered.slice(-LARGEST_NAMED_OF_MANY)] : ordered;
  let top = 0;
  const rows = bars.map(({ label, change }, place) => {
    const margin = heights[place] === THIN_ROW_HEIGHT ? 0 : 2;
    const side = heights[place] !== NAMED_ROW_HEIGHT ? 0 : change < 0 ? 1 : -1;
    top += heights[place];
    return row(label, change, top - heights[place] + margin, top - margin, side);
  });
  const largest = Math.max(...bars.map(({ change }) => Math.abs(change))) || 1; // a scale needs a length
  rows.push(row("", 0 - largest, 0, 0, 0), row("", largest, 0, 0, 0));
  const unnamed = ordered.length - heights.filter((height) => height === NAMED_ROW_HEIGHT).length;
  const side = ordered[Math.floor(ordered.length / 2)].change < 0 ? 1 : -1;
  if (unnamed) rows.push(row(`${wholeCount(unnamed)} others`, 0, top / 2, top / 2, side));
  return rows;
}

/** Return how many lose and gain, and the largest losses and gains, as a sentence each. */
function changesInWords(title, ordered, noun) {
  const written = ({ label, change }) => `${label} ${signed(change)}`;
  const losses = ordered.filter(({ change }) => change <= -NO_CHANGE);
  const gains = ordered.filter(({ change }) => change >= NO_CHANGE).reverse();
  const [lose, gain] = [losses, gains].map((changes) => wholeCount(changes.length));
  const texts = [`${title}: ${lose} of ${counted(ordered.length, noun)} lose and ${gain} gain.`];
  for (const [kind, changes] of [["losses", losses], ["gains", gains]]) {
    if (changes.length) texts.push(`Largest ${kind}: ${joined(changes.slice(0, LARGEST_IN_WORDS).map(written))}.`);
  }
  return texts.join(" ");
}

// Spread

/** Return the chart of £ per registered patient before and after. */
function ratesOf(chart, organisations) {
  const before = organisations.filter((row) => row.people && (row.spend ?? row.before) !== null)
    .map((row) => (row.spend ?? row.before) / row.people);
  const after = organisations.filter((row) => row.perHead !== null).map((row) => row.perHead);
  const parts = [["Before", before], ["After", after]].map(([when, rates]) => {
    const ordered = [...rates].sort((one, other) => one - other);
    const half = Math.floor(ordered.length / 2);
    const middle = ordered.length % 2 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2;
    const [low, mid, high] = [ordered[0], middle, ordered.at(-1)].map(perHead);
    return `${when}: lowest ${low}, middle ${mid}, highest ${high}.`;
  });
  const rows = [...before.map((rate) => ({ rate, after: false })), ...after.map((rate) => ({ rate, after: true }))];
  return { rows, description: `${chart.title}. ${parts.join(" ")}` };
}

// Path

/** Return the chart of how many organisations are below, near and above their fair share in each year. */
function distancesOf(chart, model, data, run) {
  const years = run.years.map(({ year }, index) => [year, organisationRows(model, data, run, index)]);
  const lists = [[`Before ${years[0][0]}`, years[0][1], "before"],
    ...years.map(([year, organisations]) => [`After ${year}`, organisations, "result"])];
  const rows = [];
  const parts = [];
  for (const [when, organisations, key] of lists) {
    const known = organisations.filter((row) => row.fairShare > 0 && row[key] !== null);
    if (!known.length) continue;
    const counts = [0, 0, 0];
    for (const row of known) {
      const distance = row[key] / row.fairShare - 1;
      counts[distance < -chart.near ? 0 : distance > chart.near ? 2 : 1] += 1;
    }
    const texts = counts.map(wholeCount);
    chart.bands.forEach((band, order) =>
      rows.push({ when, band, order, count: counts[order], text: counts[order] ? texts[order] : "" }));
    parts.push(`${when}: ${chart.bands.map((band, order) => `${texts[order]} ${band}`).join(", ")}.`);
  }
  return { rows, description: `${chart.title}. ${parts.join(" ")}` };
}

/** Return the chart of the money of each year. */
function totalsOf(chart, model, run) {
  const write = resultWriter(model);
  const rows = run.years.map((year) => {
    const total = sum(year.values(model.result));
    return { year: year.year, total, text: write(total) };
  });
  const totals = joined(rows.map(({ year, text }) => `${year} ${text}`));
  return { rows, description: `${chart.title}: ${totals}.` };
}
