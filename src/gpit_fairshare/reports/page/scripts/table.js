/* The table of organisations: sorted, searched, filtered by area, page by page if it is long, and saved as CSV. */

/** Above this many organisations the page keeps only one page of the table. */
const MOST_ROWS = 1000;
const ROWS_OF_A_PAGE = 100;
/** A CSV file has an apostrophe before a text that begins with one of these, so that no spreadsheet runs it. */
const FORMULA_STARTS = ["=", "+", "-", "@", "\t", "\r"];
const ORDER_WORDS = { ascending: "smallest or A first", descending: "largest or Z first" };

/** Return rows in the order of a column, ties by code; rows without a value are last. */
function sortedRows(rows, key, isAscending) {
  const isMissing = (value) => value === null || value === "";
  return [...rows].sort((row, other) => {
    const [value, otherValue] = [row[key], other[key]];
    if (isMissing(value) !== isMissing(otherValue)) return isMissing(value) ? 1 : -1;
    const order = typeof value === "string" ? byCodePoint(value, otherValue) : value - otherValue;
    return (isAscending ? order : -order) || byCodePoint(row.code, other.code);
  });
}

/** Return a value as a cell of a CSV file: figures without a format, texts that no spreadsheet runs. */
function csvCell(value) {
  const text = value === null ? "" : String(value);
  const isRisky = typeof value === "string" && FORMULA_STARTS.some((start) => text.startsWith(start));
  const harmless = isRisky ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replace(/"/g, '""')}"` : harmless;
}

/** Return rows of values as the text of a CSV file. */
function csvText(rows) {
  return rows.map((row) => `${row.map(csvCell).join(",")}\n`).join("");
}

/** Save a text as a file of this name, without a request. */
function saveText(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = makeElement("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/**
 * Take over a table and its controls.
 *
 * A heading has its key in `data-key`. `rows` are objects with these keys and `code`.
 * `options`: `organisation` (the noun), `write` (key to a function that writes a figure), `choose(code)`, and
 * `fileName()` and `year()` of the CSV file. Returns `setRows(rows)`, which shows other figures.
 */
function createTable(element, rows, options) {
  const body = element.tBodies[0];
  body.replaceChildren(...body.rows); // without the line breaks between them, which do not move with the lines
  const headings = [...element.tHead.rows[0].cells];
  const keys = headings.map((heading) => heading.dataset.key);
  const [search, areas, count, announcement, pages] = ["search", "area", "count", "order", "pages"]
    .map((name) => document.getElementById(`table-${name}`));
  const byCode = new Map([...body.rows].map((line) => [line.dataset.code, line]));
  const state = { rows, shown: rows, key: "code", isAscending: true, page: 0, selected: "", isPrinted: false };

  /** Return the text of a cell. */
  function cellText(row, key) {
    const value = row[key];
    if (value === null || value === "") return "–";
    return Object.hasOwn(options.write, key) ? options.write[key](value) : value;
  }

  /** Return the line of an organisation with its figures of now; only texts that differ are written. */
  function lineOf(row) {
    let line = byCode.get(row.code);
    if (!line) {
      line = makeElement("tr", { "data-code": row.code });
      keys.forEach((key, index) => line.append(index ? makeElement("td") : makeElement("th", { scope: "row" })));
      keys.forEach((key, index) => { line.cells[index].className = headings[index].className; });
      byCode.set(row.code, line);
    }
    if (!line.cells[0].firstElementChild) {
      line.cells[0].replaceChildren(makeElement("button", { type: "button", class: "choose" }));
    }
    keys.forEach((key, index) => {
      const place = index ? line.cells[index] : line.cells[0].firstElementChild;
      const text = cellText(row, key === "name" && !row.name ? "code" : key);
      if (place.textContent !== text) place.textContent = text;
    });
    line.classList.toggle("selected", row.code === state.selected);
    return line;
  }

  /** Return how many pages the rows shown need. */
  function pageCount() {
    return state.rows.length > MOST_ROWS ? Math.max(1, Math.ceil(state.shown.length / ROWS_OF_A_PAGE)) : 1;
  }

  /** Show the rows of the page, or all of them for a printer. */
  function draw() {
    const isPaged = pageCount() > 1 && !state.isPrinted;
    const first = isPaged ? state.page * ROWS_OF_A_PAGE : 0;
    const lines = state.shown.slice(first, isPaged ? first + ROWS_OF_A_PAGE : undefined).map(lineOf);
    // Only lines that are not in their place are moved: the others need no new layout.
    let next = body.firstElementChild;
    for (const line of lines) {
      if (line === next) next = next.nextElementSibling;
      else body.insertBefore(line, next);
    }
    while (body.rows.length > lines.length) body.lastElementChild.remove();
    if (state.rows.length > MOST_ROWS) {
      for (const code of byCode.keys()) if (!byCode.get(code).isConnected) byCode.delete(code);
      element.setAttribute("aria-rowcount", state.shown.length + 1);
      element.tHead.rows[0].setAttribute("aria-rowindex", 1);
      lines.forEach((line, index) => line.setAttribute("aria-rowindex", first + index + 2));
    }
    const noun = state.rows.length === 1 ? options.organisation : plural(options.organisation);
    let text = `${wholeCount(state.shown.length)} of ${wholeCount(state.rows.length)} ${noun} shown`;
    if (isPaged) text += `, rows ${wholeCount(first + 1)} to ${wholeCount(first + lines.length)} on this page`;
    if (count.textContent !== text) count.textContent = text;
    pages.hidden = pageCount() === 1;
    pages.firstElementChild.disabled = state.page === 0;
    pages.lastElementChild.disabled = state.page === pageCount() - 1;
  }

  /** Choose the rows that match what is searched for, in order, and show them. */
  function update() {
    const words = search.value.trim().toLowerCase();
    const matching = state.rows.filter((row) => (
      (!areas?.value || row.area === areas.value)
      && (!words || row.code.toLowerCase().includes(words) || row.name.toLowerCase().includes(words))
    ));
    state.shown = sortedRows(matching, state.key, state.isAscending);
    state.page = Math.min(state.page, pageCount() - 1);
    draw();
  }

  /** Sort by a column; sorting by the same column again reverses the order. */
  function sortBy(index) {
    const isAgain = state.key === keys[index];
    Object.assign(state, { key: keys[index], isAscending: isAgain ? !state.isAscending : true, page: 0 });
    const order = state.isAscending ? "ascending" : "descending";
    headings.forEach((heading, place) => heading.setAttribute("aria-sort", place === index ? order : "none"));
    announcement.textContent = `Sorted by ${headings[index].textContent}: ${ORDER_WORDS[order]}`;
    update();
  }

  /** Go to another page of the table, and to its top. */
  function turn(step) {
    state.page += step;
    draw();
    element.parentElement.scrollTop = 0;
  }

  /** Mark the row of an organisation, and choose it. */
  function select(code) {
    state.selected = code;
    for (const line of body.rows) line.classList.toggle("selected", line.dataset.code === code);
    options.choose(code);
  }

  /** Show other figures. */
  function setRows(changed) {
    state.rows = changed;
    update();
  }

  headings.forEach((heading, index) => {
    const button = makeElement("button", { type: "button" }, heading.textContent);
    button.addEventListener("click", () => sortBy(index));
    heading.replaceChildren(button);
    const order = heading.getAttribute("aria-sort") ?? "none";
    heading.setAttribute("aria-sort", order);
    if (order !== "none") Object.assign(state, { key: keys[index], isAscending: order === "ascending" });
  });
  if (areas) {
    const names = [...new Set(rows.map((row) => row.area))].sort(byCodePoint);
    areas.append(...names.filter(Boolean).map((name) => makeElement("option", { value: name }, name)));
  }
  for (const field of [search, areas].filter(Boolean)) {
    field.addEventListener("input", () => { state.page = 0; update(); });
  }
  pages.firstElementChild.addEventListener("click", () => turn(-1));
  pages.lastElementChild.addEventListener("click", () => turn(1));
  body.addEventListener("click", (event) => {
    if (event.target.closest("button")) select(event.target.closest("tr").dataset.code);
  });
  document.getElementById("table-download").addEventListener("click", () => {
    const names = ["code", ...keys.filter((key) => key !== "code")];
    const heads = names.map((key) => headings[keys.indexOf(key)].textContent);
    const lines = state.shown.map((row) => [options.year(), ...names.map((key) => row[key])]);
    saveText(options.fileName(), csvText([["Year", ...heads], ...lines]));
  });
  for (const [event, isPrinted] of [["beforeprint", true], ["afterprint", false]]) {
    window.addEventListener(event, () => { state.isPrinted = isPrinted; draw(); });
  }
  update();
  return { setRows };
}
