/* One organisation: its sentences and ladder from the reported run, and every line of its calculation. */

/** Write a value of a line in its unit: money with pence if it has any, yes or no, a text, a dash for none. */
function lineValue(value, unit) {
  if (value === null || value === "") return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  if (unit === "£") return money(value, Number.isInteger(value) ? 0 : 2);
  if (unit === "£ per head") return perHead(value);
  return unit === "%" ? percentage(value) : plainNumber(value);
}

/** Return a rung of a ladder: its label, its amount, and a bar that screen readers skip. */
function ladderRung([label, text, kind, begin, end]) {
  const image = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const measures = { x: begin, width: end - begin, y: 0, height: 12, class: kind };
  for (const [name, value] of Object.entries(measures)) bar.setAttribute(name, value);
  const settings = { viewBox: "0 0 1000 12", preserveAspectRatio: "none", "aria-hidden": "true" };
  for (const [name, value] of Object.entries(settings)) image.setAttribute(name, value);
  image.append(bar);
  return makeElement("li", {}, makeElement("span", {}, label), makeElement("span", { class: "figure" }, text), image);
}

/**
 * Take over the section of one organisation.
 *
 * `texts` are those of `StaticSections.texts`, with `organisations` and `formulas` as Maps. Returns `choose(code)`, and
 * `update()`, which writes the figures of the run that the page now shows.
 */
function createOrganisation(page, texts) {
  const [field, list, problem, name, sentences, lines] = ["field", "list", "problem", "name", "sentences", "lines"]
    .map((part) => document.getElementById(`organisation-${part}`));
  const state = { code: texts.chosen };

  /** Return the codes of all years with the latest name of each. */
  function namesByCode() {
    return new Map(page.run.years.flatMap((year) => year.codes.map((code, row) => [code, year.names[row] ?? ""])));
  }

  /** Show the sentences and ladders of the reported run; without any, the static ones stay for their organisation. */
  function showSentences() {
    const known = namesByCode().get(state.code);
    name.textContent = known ? `${known} (${state.code})` : state.code;
    const parts = (texts.organisations.get(state.code) ?? []).flatMap(([year, explanation, ladder]) => [
      ...(page.run.years.length > 1 ? [makeElement("h4", {}, year)] : []),
      makeElement("p", {}, explanation.join(" ")),
      ...(ladder.length ? [makeElement("ol", { class: "ladder" }, ...ladder.map(ladderRung))] : []),
    ]);
    if (!parts.length) parts.push(makeElement("p", {}, `For its sentences, type: gpit explain ${state.code}`));
    sentences.replaceChildren(...parts);
  }

  /** Return the row of a table for one step or input: its label and formula, and its figure in each year. */
  function lineRow(label, formula, figures) {
    const heading = makeElement("th", { scope: "row" }, label);
    if (formula) heading.append(makeElement("span", { class: "formula" }, formula));
    return makeElement("tr", {}, heading, ...figures.map((text) => makeElement("td", { class: "figure" }, text)));
  }

  /** Show each input and step with its figure in each year; an organisation that is not there in a year has dashes. */
  function showLines() {
    const rows = page.run.years.map((year) => year.codes.indexOf(state.code));
    const figures = (value, unit) => rows.map((row, index) => (row < 0 ? "–" : lineValue(value(index, row), unit)));
    const inputs = texts.inputs.map(([input, label, unit]) => lineRow(
      label, "", figures((index, row) => page.run.years[index].column(input, ORGANISATION)[row], unit),
    ));
    const steps = page.model.steps.map((step) => lineRow(
      step.kind === NATIONAL ? `${step.label} (national)` : step.label,
      texts.formulas.get(step.name) ?? step.formula,
      figures((index, row) => page.run.years[index].column(step.name, ORGANISATION)[row], step.unit),
    ));
    lines.tBodies[0].replaceChildren(...inputs, ...steps);
  }

  /** Show another organisation, and go to it. */
  function choose(code) {
    state.code = code;
    field.value = code;
    problem.textContent = "";
    showSentences();
    showLines();
    name.scrollIntoView({ block: "start" });
    name.focus({ preventScroll: true });
  }

  /** Show the organisation whose code, or else whose name, is typed; say so if there is none. */
  function chooseTyped() {
    const typed = field.value.trim().toLowerCase();
    const names = [...namesByCode()];
    const match = names.find(([code]) => code.toLowerCase() === typed)
      ?? names.find(([, known]) => known.toLowerCase() === typed)
      ?? names.find(([, known]) => typed && known.toLowerCase().includes(typed));
    if (match) choose(match[0]);
    else problem.textContent = `No ${page.model.organisation} has the code or name “${field.value.trim()}”. Choose one from the list.`;
  }

  document.getElementById("organisation-form").addEventListener("submit", (event) => {
    event.preventDefault();
    chooseTyped();
  });
  list.append(...[...namesByCode()].map(([code, known]) => makeElement("option", { value: code }, known)));
  showLines();
  return { choose, update: showLines };
}
