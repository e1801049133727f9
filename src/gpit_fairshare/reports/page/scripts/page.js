/* Starts the page: the files above only define functions. */

/** Go to a part of the page without a change of the address, which holds the values of a what-if. */
function goWithoutAddress(event) {
  const link = event.target.closest?.('a[href^="#"]');
  const place = link && document.getElementById(link.getAttribute("href").slice(1));
  if (!place) return;
  event.preventDefault();
  place.scrollIntoView();
  place.setAttribute("tabindex", "-1");
  place.focus({ preventScroll: true });
}

/** Open what is folded while a page is printed, except what is too long to read on paper. */
function unfoldForPrinter() {
  const folded = [...document.querySelectorAll("details:not(.long)")].filter((details) => !details.open);
  for (const details of folded) details.open = true;
  window.addEventListener("afterprint", () => folded.forEach((details) => { details.open = false; }), { once: true });
}

/** Start the table of organisations, which shows the year that is chosen above it. */
function startTable(page, organisation) {
  const field = document.getElementById("table-year");
  const yearIndex = () => (field ? Number(field.value) : page.model.years.length - 1);
  const rows = () => organisationRows(page.model, page.data, page.run, yearIndex());
  const table = createTable(document.getElementById("organisations"), rows(), {
    organisation: page.model.organisation,
    write: {
      spend: money, fairShare: money, result: resultWriter(page.model), spendChange: signed,
      spendPercent: percentChange, perHead,
    },
    choose: organisation.choose,
    year: () => page.model.years[yearIndex()],
    fileName: () => {
      const ending = document.documentElement.classList.contains("what-if") ? "-what-if" : "";
      return `${page.model.name}-${page.model.years[yearIndex()].replace("/", "-")}${ending}.csv`;
    },
  });
  const show = () => {
    document.getElementById("organisations-year").textContent = page.model.years[yearIndex()];
    table.setRows(rows());
  };
  field?.addEventListener("change", show);
  page.onRun(drawnWhenSeen(document.getElementById("organisations"), show));
}

/** Bring the page to life: table, organisation, charts, what-if. A rule with plug-in functions has its charts only. */
function startPage() {
  const shipped = JSON.parse(document.getElementById("gpit-data").textContent);
  drawCharts(shipped.charts);
  window.addEventListener("beforeprint", unfoldForPrinter);
  document.addEventListener("click", goWithoutAddress);
  if (shipped.comparison) {
    startComparison(shipped.comparison);
    return;
  }
  const data = withRepeats(shipped);
  if (data.model.plugins.length) return;
  document.documentElement.classList.add("js");
  const model = makeModel(data.model, FORMULAS);
  const written = calculate(model, data, new Map());
  const callbacks = [];
  const page = { model, data, written, run: written };
  page.onRun = (callback) => callbacks.push(callback);
  page.show = (run) => {
    page.run = run;
    document.documentElement.classList.toggle("what-if", run !== written);
    for (const callback of callbacks) callback(run);
  };
  const organisation = createOrganisation(page, {
    ...data.page, organisations: new Map(data.page.organisations), formulas: new Map(data.page.formulas),
  });
  page.onRun(drawnWhenSeen(document.getElementById("organisation"), organisation.update));
  startTable(page, organisation);
  startWhatIf(page);
}

startPage();
