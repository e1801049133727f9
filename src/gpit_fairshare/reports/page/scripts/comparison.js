/* The page of a comparison: its table, its charts and one organisation, for the years that are chosen. */

const CHANGE_FIGURES = ["old", "new", "change", "percent"];

/** Bring the page of a comparison to life; figures come with their texts, which are those of the printed report. */
function startComparison({ noun, choices, organisations }) {
  document.documentElement.classList.add("js");
  const element = document.getElementById("organisations");
  if (!element) return;
  const field = document.getElementById("table-year");
  const causes = new Map(organisations);
  const texts = CHANGE_FIGURES.map(() => new Map());
  for (const { rows } of choices) {
    for (const [, , , ...figures] of rows) figures.forEach((figure, place) => figure && texts[place].set(...figure));
  }
  const choice = () => choices[field ? Number(field.value) : 0];
  const rows = () => choice().rows.map(([code, name, cause, ...figures]) => ({
    code, name, cause, ...Object.fromEntries(CHANGE_FIGURES.map((key, place) => [key, figures[place]?.[0] ?? null])),
  }));

  /** Show the causes of the change of one organisation, and go to them. */
  function choose(code) {
    const heading = document.getElementById("organisation-name");
    const name = choices.flatMap((each) => each.rows).find((row) => row[0] === code)[1];
    heading.textContent = name ? `${name} (${code})` : code;
    document.getElementById("organisation-lines").tBodies[0].replaceChildren(...causes.get(code).map(([label, ...cells]) =>
      makeElement("tr", {}, makeElement("td", {}, label), ...cells.map((text) => makeElement("td", { class: "figure" }, text)))));
    heading.scrollIntoView({ block: "start" });
    heading.focus({ preventScroll: true });
  }

  const table = createTable(element, rows(), {
    organisation: noun,
    write: Object.fromEntries(CHANGE_FIGURES.map((key, place) => [key, (value) => texts[place].get(value)])),
    choose,
    year: () => choice().name,
    fileName: () => `changes-${choice().name.replace(/[^0-9A-Za-z]+/g, "-")}.csv`,
  });
  field?.addEventListener("change", () => {
    document.getElementById("organisations-year").textContent = choice().name;
    table.setRows(rows());
    for (const { id, title, rows: marks, description } of choice().charts) {
      document.querySelector(`figure:has(#chart-${id}) figcaption`).textContent = title;
      updateChart(id, marks, description);
    }
  });
}
