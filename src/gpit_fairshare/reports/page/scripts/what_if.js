/* The what-if: a move of a control calculates the run again, and every part of the page shows it. */

const ANNOUNCEMENT_DELAY = 500;
const TYPING_DELAY = 300;
/** A loss of a larger part of historic spend than this is announced. */
const LARGE_LOSS = 0.05;

/** Start the what-if of a page: its controls, the banner, the fragment of the address, and what follows a run. */
function startWhatIf(page) {
  const section = document.getElementById("what-if");
  if (!section) return;
  const whatIf = {
    page,
    state: new Map(),
    unknown: [],
    accepted: { state: new Map(), settled: new Map(), run: page.written },
    controls: [...section.querySelectorAll(".setting-control")].map(makeControl),
    moved: null,
    frame: 0,
    timer: 0,
    announced: null,
    writtenMeasures: runMeasures(page.model, page.data, page.written),
  };
  followRuns(page);
  for (const control of whatIf.controls) listen(whatIf, control);
  document.getElementById("reset").addEventListener("click", () => reset(whatIf));
  startCommand(whatIf);
  window.addEventListener("hashchange", () => readAddress(whatIf));
  readAddress(whatIf);
}

// Controls

/** Return the parts of a control: its box, its slider and its lines, with what they report. */
function makeControl(element) {
  const [box, slider] = element.querySelectorAll("input");
  return {
    box,
    slider,
    name: element.dataset.name,
    year: element.dataset.year,
    changeLine: element.querySelector(".setting-change"),
    reportedLine: element.querySelector(".setting-change").textContent,
    problemLine: element.querySelector(".setting-problem"),
  };
}

/** Take over what is typed into a box after a pause, or at once when it is left, and each move of a slider at once. */
function listen(whatIf, control) {
  const { box, slider } = control;
  let timer = 0;
  const take = () => {
    clearTimeout(timer);
    setText(whatIf, control, box.value);
  };
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(take, TYPING_DELAY);
  });
  box.addEventListener("change", () => {
    if (!box.value.trim()) box.value = box.defaultValue;
    take();
  });
  slider.addEventListener("input", () => {
    clearTimeout(timer);
    const { unit } = whatIf.page.model.parameters.get(control.name);
    box.value = sliderText(control, unit);
    setText(whatIf, control, box.value);
  });
}

/** Return the position of a slider as a text for its box: a round number of the scale, or the end itself. */
function sliderText({ box, slider }, unit) {
  const [low, high, position] = [slider.min, slider.max, slider.value].map(Number);
  if (slider.value === slider.defaultValue) return box.defaultValue;
  const places = 2 - Math.floor(Math.log10(high - low));
  const isEnd = position === low || position === high;
  const decimal = isEnd ? shortestDecimal(position) : roundDecimal(shortestDecimal(position), places);
  if (unit !== "%") return shortestText(decimal);
  return `${shortestText({ ...decimal, places: decimal.places - 2 })}%`;
}

/** Set the text of a control, or remove it if it is empty, and calculate in the next frame; the latest move wins. */
function setText(whatIf, control, text) {
  const { name, year } = control;
  const texts = whatIf.state.get(name) ?? new Map();
  if (text.trim()) texts.set(year, text);
  else texts.delete(year);
  if (texts.size) whatIf.state.set(name, texts);
  else whatIf.state.delete(name);
  whatIf.moved = control;
  whatIf.frame ||= requestAnimationFrame(() => {
    whatIf.frame = 0;
    update(whatIf);
    writeAddress(whatIf);
  });
}

/** Calculate the run of the settings and show it everywhere; if it is refused, keep the last possible figures. */
function update(whatIf) {
  const { model, data, written } = whatIf.page;
  try {
    const settled = settle(model, whatIf.state);
    const numbers = changedNumbers(model, settled);
    const run = numbers.size ? calculate(model, data, numbers) : written;
    whatIf.accepted = { state: changedState(whatIf.state, numbers), settled, run };
    whatIf.refusal = null;
    if (run !== whatIf.page.run) whatIf.page.show(run);
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    whatIf.refusal = fault;
  }
  for (const control of whatIf.controls) showControl(whatIf, control);
  showBanner(whatIf);
  showCommand(whatIf);
  clearTimeout(whatIf.timer);
  whatIf.timer = setTimeout(() => announce(whatIf), ANNOUNCEMENT_DELAY);
}

/** Return the settings that change a number, each as typed. */
function changedState(state, numbers) {
  const changed = new Map();
  for (const [name, texts] of state) {
    const years = numbers.get(name);
    const different = years ? [...texts].filter(([year]) => year === "" || years.has(year)) : [];
    if (different.length) changed.set(name, new Map(different));
  }
  return changed;
}

/** Show in a control what differs from the reported run, and a refusal beside the box that it is about. */
function showControl(whatIf, control) {
  const { accepted, refusal, moved, page } = whatIf;
  const { box, slider, name, year, changeLine, reportedLine, problemLine } = control;
  const parameter = page.model.parameters.get(name);
  const firstYear = year || parameter.values.keys().next().value;
  const own = parameter.values.get(firstYear);
  const settled = accepted.settled.get(name)?.get(firstYear) ?? own;
  const isChanged = settled.value !== own.value;
  changeLine.textContent = isChanged ? changeText(own, settled, parameter.unit) : reportedLine;
  changeLine.classList.toggle("changed", isChanged);
  if (document.activeElement !== slider) {
    slider.value = settled.value === own.value ? slider.defaultValue : settled.value;
  }
  slider.setAttribute("aria-valuetext", writtenValue(settled.value, parameter.unit, settled.written));
  const subject = refusal && controlOf(whatIf, refusal.name, refusal.year, moved);
  const isRefused = subject === control;
  box.setAttribute("aria-invalid", String(isRefused));
  problemLine.textContent = isRefused ? refusalText(whatIf) : "";
}

/** Return the control that a refusal is about: the one that was moved if that is possible, else that of its parameter. */
function controlOf(whatIf, name, year, moved) {
  if (moved && (!name || whatIf.state.has(moved.name))) {
    const isOther = name && name !== moved.name && whatIf.state.has(name);
    if (!isOther) return moved;
  }
  const own = whatIf.controls.filter((control) => control.name === name);
  return own.find((control) => control.year === year) ?? own[0] ?? null;
}

/** Return a refusal in gpit's words, and which figures the page still shows. */
function refusalText({ refusal, accepted, page }) {
  const changes = settingsInWords(page.model, accepted.settled);
  const figures = changes.length ? `those of ${changes.join("; ")}` : "those reported";
  return `Not possible: ${refusal.problem ?? refusal.message}. The figures shown are still ${figures}.`;
}

/** Return a changed value in words: `£135,800,000, 3.0% less than reported (£140,000,000)`. */
function changeText(own, now, unit) {
  const isAmount = AMOUNTS.includes(unit);
  const [before, after] = isAmount
    ? [own, now].map(({ value, written }) => writtenValue(value, unit, written))
    : parameterValues(own.value, now.value, unit);
  const isRatio = isAmount && own.value > 0;
  const size = isRatio ? `${percentChange(now.value / own.value - 1).slice(1)} ` : "";
  return `${after}, ${size}${now.value < own.value ? "less" : "more"} than reported (${before})`;
}

/** Go back to the reported run; every box, slider and figure is as it was. */
function reset(whatIf) {
  whatIf.state = new Map();
  whatIf.unknown = [];
  whatIf.moved = null;
  for (const { box, slider } of whatIf.controls) {
    box.value = box.defaultValue;
    slider.value = slider.defaultValue;
  }
  update(whatIf);
  writeAddress(whatIf);
}

// The address

/** Take over the settings of the fragment; what it has besides them is named in the banner. */
function readAddress(whatIf) {
  const { state, unknown } = readFragment(whatIf.page.model, window.location.hash);
  whatIf.state = state;
  whatIf.unknown = unknown.filter((name) => !document.getElementById(name));
  whatIf.moved = null;
  for (const { box, name, year } of whatIf.controls) box.value = textFor(state, name, year) ?? box.defaultValue;
  update(whatIf);
}

/** Write the settings whose figures are shown into the fragment of the address, so that a link has them. */
function writeAddress({ accepted }) {
  const { pathname, search } = window.location;
  try {
    window.history.replaceState(null, "", fragmentOf(accepted.state) || pathname + search);
  } catch {
    // A browser may not let a local file change its address.
  }
}

// What the page says

/** Show the banner if the figures are not those of the reported run, or if not all of the address could be used. */
function showBanner(whatIf) {
  const { page, accepted, refusal, unknown, moved } = whatIf;
  const banner = document.getElementById("what-if-banner");
  const changes = settingsInWords(page.model, accepted.settled);
  const content = [];
  if (changes.length) {
    content.push(makeElement("p", { class: "strong" }, "What-if: these are not the reported figures. Changed:"));
    content.push(makeElement("ul", {}, ...changes.map((change) => makeElement("li", {}, change))));
    const failing = failedChecks(accepted.run);
    const failed = `${sentence(agreementOf(page.model, accepted.run))}: gpit would exit with 1.`;
    if (failing.length) content.push(makeElement("p", { class: "bad" }, failed));
  }
  if (refusal && !moved) content.push(makeElement("p", { class: "bad" }, refusalText(whatIf)));
  if (unknown.length) {
    content.push(makeElement("p", { class: "warning" }, `Not used from the address, because this page has no such setting: ${listed(unknown)}.`));
  }
  if (content.length) {
    const button = makeElement("button", { type: "button" }, "Reset to the reported figures");
    button.addEventListener("click", () => {
      reset(whatIf);
      document.getElementById("reset").focus();
    });
    content.push(button);
  }
  banner.replaceChildren(...content);
  banner.hidden = !content.length;
}

/** Say what the last moves changed, once they pause: who loses much, and how much is allocated. */
function announce(whatIf) {
  const { page, accepted, refusal, writtenMeasures } = whatIf;
  const { model, data, written } = page;
  let text = "";
  if (refusal) text = refusalText(whatIf);
  else if (accepted.run !== written) text = effectInWords(model, writtenMeasures, runMeasures(model, data, accepted.run));
  else if (whatIf.announced !== null) text = "The figures are those reported again.";
  document.getElementById("announcement").textContent = text;
  whatIf.announced = text || whatIf.announced;
}

/** Return what a what-if does: how many lose much now and as reported, and how much is allocated. */
function effectInWords(model, before, now) {
  const [wasLosing, isLosing] = [before, now].map(
    (measures) => measures.at(-1).rows.filter((row) => row.spendPercent !== null && row.spendPercent < -LARGE_LOSS).length,
  );
  const allocated = allocatedSentence(model, now);
  if (now.at(-1).rows.every((row) => row.spendPercent === null)) return allocated;
  const verb = isLosing === 1 ? "loses" : "lose";
  const earlier = wasLosing === isLosing ? "as many" : wholeCount(wasLosing);
  const percent = percentage(LARGE_LOSS).replace(".0", "");
  const losing = `${counted(isLosing, model.organisation)} now ${verb} more than ${percent} in ${now.at(-1).year}`;
  return `${losing}; ${earlier} as reported. ${allocated}`;
}

// The command

/** Let the command be copied, for the shell of this system at first. */
function startCommand(whatIf) {
  const shell = document.getElementById("command-shell");
  if (/Win/.test(navigator.platform)) shell.value = "powershell";
  shell.addEventListener("change", () => showCommand(whatIf));
  document.getElementById("copy-command").addEventListener("click", copyCommand);
}

/** Write the command that gives the figures that are shown. */
function showCommand({ page, accepted }) {
  const isPowerShell = document.getElementById("command-shell").value === "powershell";
  const words = commandWords(page.model, page.data, accepted.state);
  document.getElementById("command").value = words.map(isPowerShell ? powerShellWord : shellWord).join(" ");
  document.getElementById("command-copied").textContent = "";
}

/** Copy the command; where the browser does not allow that, select it. */
async function copyCommand() {
  const field = document.getElementById("command");
  let text = "Copied.";
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.focus();
    field.select();
    text = "The browser does not allow copying: the command is selected, press Ctrl+C.";
  }
  document.getElementById("command-copied").textContent = text;
}

// Figures that follow a run

/** Let the answer, its status, the national figures and the charts follow each run; the reported run restores them. */
function followRuns(page) {
  const { model, data, written } = page;
  const [answer, status, agreement] = ["answer", "status", "agreement"].map((id) => document.getElementById(id));
  const body = document.querySelector("#national-figures tbody");
  const note = document.getElementById("national-note");
  const places = [answer, status, agreement, body, note].filter(Boolean).map((element) => [element, [...element.childNodes]]);
  // After the first paragraph: draft, illustrative, indicative, set for the run.
  const cautions = [...(status?.children ?? [])].slice(1);
  page.onRun((run) => {
    updateCharts(model, data, run);
    if (run === written) {
      for (const [element, nodes] of places) element.replaceChildren(...nodes);
      return;
    }
    const measures = runMeasures(model, data, run);
    answer?.replaceChildren(...answerSentences(model, measures, run).map(({ text, tone }) => makeElement("p", { class: tone }, text)));
    status?.replaceChildren(makeElement("p", { class: "final" }, `This is a what-if.${cautions.length ? " These figures are not final." : ""}`), ...cautions);
    agreement?.replaceChildren(agreementParagraph(model, run));
    const figures = nationalFigures(model, measures, run);
    body?.replaceChildren(...figureRows(figures.rows));
    note?.replaceChildren(makeElement("p", {}, figures.note));
  });
}

/** Return the paragraph that says whether the checks of a what-if pass. */
function agreementParagraph(model, run) {
  const hasFailed = failedChecks(run).length > 0;
  const agreement = model.checks.length ? sentence(agreementOf(model, run)) : "The scheme has no checks";
  const exit = hasFailed ? "gpit would exit with 1." : "Warnings and notes are not worked out again in a what-if.";
  return makeElement("p", { class: hasFailed ? "bad" : "" }, `${agreement}. ${exit}`);
}

/** Return rows of the table of national figures as elements. */
function figureRows(rows) {
  return rows.flatMap(({ cells: [label, ...figures], below }) => {
    const cells = figures.map((figure) => makeElement("td", { class: "figure" }, figure));
    const row = makeElement("tr", {}, makeElement("td", {}, label), ...cells);
    if (!below) return [row];
    const wide = makeElement("td", {}, below);
    wide.colSpan = figures.length + 1;
    return [row, makeElement("tr", {}, wide)];
  });
}
