/* Settings: what is typed for a parameter, read as `--set` reads it, and written as a command and as an address. */

/** Units of amounts: a percentage with a sign is a change of one, never a value. */
const AMOUNTS = ["£", "people", "£ per head"];
/** Units of which any percentage can be a value. */
const RATIOS = ["%", "ratio"];
/** A number and a change of it, such as `200000000*0.97` or `200000000+3%`. */
const CHANGE = /^([^*]*[0-9%]\s*)(\*.*|[+-][0-9.]+%)$/;

/** Refuse a setting in the words of gpit; `problem` is the part of the message that a box shows. */
function refuseSetting(flag, problem) {
  const refusal = new Refusal(`${flag}: ${problem}`);
  refusal.problem = problem;
  throw refusal;
}

/** Return a parameter with the year that a setting is for, as `--set` has it: `support_share@2015/16`. */
function settingName(name, year) {
  return year ? `${name}@${year}` : name;
}

// One setting: `Setting` in scheme/values.py

/** Return whether a number is written as a percentage with a sign: `+3%`. */
function isSignedPercentage(text) {
  return /^[+-]/.test(text) && text.endsWith("%");
}

/** Return whether a text is a number above 1 or below -1, written without the sign %. */
function isBeyondOne(text) {
  const fraction = text.endsWith("%") ? null : readFraction(text);
  return fraction !== null && sizeOf(fraction.top) > fraction.bottom;
}

/** Return a number as a percentage that is read as the same number: `10` is `1000%`. */
function asPercentage(text) {
  const { top, bottom } = readFraction(text);
  const percentage = `${shortestText(shortestDecimal(toFloat({ top: top * 100n, bottom })))}%`;
  if (readNumber(percentage) === readNumber(text)) return percentage;
  const divisor = commonDivisor(sizeOf(top * 100n), bottom);
  return `${(top * 100n) / divisor}${bottom === divisor ? "" : `/${bottom / divisor}`}%`;
}

/** Return why a number cannot be a value of a parameter with this unit; empty if it can. */
function percentageProblem(name, text, unit) {
  if (unit === "%" && isBeyondOne(text)) {
    const share = groupedText(shortestDecimal(100 * readNumber(text)));
    return `${text} is ${share}% for ${name}; write ${text}%, or ${asPercentage(text)} if that is meant`;
  }
  if (!text.endsWith("%") || RATIOS.includes(unit)) return "";
  if (unit) return `${text} is a percentage, but the unit of ${name} is ${unit}`;
  if (!isSignedPercentage(text)) return "";
  return (
    `${text} may be a value or a change, because ${name} has no unit; give the parameter its unit where it is ` +
    `declared, such as unit = "%", or write ${shortestText(shortestDecimal(readNumber(text)))}`
  );
}

/** Return a number multiplied exactly by a factor, as a text: a percentage if it is written as one. */
function multiplied(text, factor) {
  const exact = product(readFraction(text), factor);
  const isPercentage = text.endsWith("%");
  const figure = toFloat(isPercentage ? { ...exact, top: exact.top * 100n } : exact);
  const newText = shortestText(shortestDecimal(figure)) + (isPercentage ? "%" : "");
  // A percentage whose digits are cut off may read as another float.
  return readNumber(newText) === toFloat(exact) ? newText : floatText(toFloat(exact));
}

/** Return the number before a change and the change; without a change, an empty text and the value. */
function dividedSetting(flag, value) {
  const match = CHANGE.exec(value);
  const [start, change] = match ? [match[1].trim(), match[2]] : ["", value];
  if (/^\*\s*[+-]/.test(change)) {
    refuseSetting(flag, `expected a factor without a sign, such as *0.97; found ${oneLine(change)}`);
  }
  try {
    if (start) readNumber(start);
    readNumber(change.replace(/^\*/, ""));
  } catch (fault) {
    refuseSetting(flag, oneLine(fault.message, 200));
  }
  return [start, change];
}

/**
 * Return the value that a text gives a parameter in place of its own value, as a number and as written.
 *
 * @param name The parameter, with the year that the setting is for: see `settingName`.
 * @param text A number, `5%`, `1/6`, a factor `*0.97`, or in a unit of amounts a change `+3%`.
 * @param own The parameter's value in the reported run: a number and as written.
 */
function readSetting(name, text, own, unit) {
  const value = text.trim();
  const typedFlag = `--set ${oneLine(`${name}=${text}`)}`;
  const [start, change] = dividedSetting(typedFlag, value);
  const parameter = name.replace(/@[^@\]]*$/, "");
  const flag = `--set ${oneLine(name)}`;
  let factor = null;
  if (change.startsWith("*")) {
    factor = readFraction(change.slice(1));
  } else if (AMOUNTS.includes(unit) && isSignedPercentage(change)) {
    const { top, bottom } = readFraction(change);
    factor = { top: top + bottom, bottom };
  }
  const typed = factor ? start : change;
  let problem = percentageProblem(parameter, typed, unit);
  if (problem && AMOUNTS.includes(unit)) {
    problem += `; for a change of the scheme's value write +${typed} or -${typed}`;
  } else if (problem && unit === null) {
    const { top, bottom } = readFraction(typed);
    const changed = shortestText(shortestDecimal(toFloat({ top: top + bottom, bottom })));
    problem += ` for the value and *${changed} for the change`;
  }
  if (problem) refuseSetting(flag, problem);
  if (start && !factor) {
    const { top, bottom } = readFraction(change);
    const factorText = shortestText(shortestDecimal(toFloat({ top: top + bottom, bottom })));
    const remedy = `write ${start}*${factorText}, or the value itself`;
    refuseSetting(`${flag}=${oneLine(value)}`, `${change} is not a change of ${unit}; ${remedy}`);
  }
  if (!factor) return { value: readNumber(change), written: change };
  const base = start || own.written;
  if (factor.top < 0n) {
    const subject = start || writtenValue(own.value, unit, own.written);
    refuseSetting(`${flag}=${oneLine(value)}`, `would change the sign of ${subject}; give the value itself`);
  }
  let written;
  try {
    written = multiplied(base, factor);
  } catch (fault) {
    refuseSetting(`${flag}=${oneLine(value)}`, oneLine(fault.message, 200));
  }
  if (unit === "%" && isBeyondOne(written)) written = asPercentage(written);
  return { value: readNumber(written), written };
}

// All settings: `state` is a Map of name to a Map of year, or an empty text for every year, to the text typed

/** Return the text that is typed for a parameter in a year; undefined if none is. */
function textFor(state, name, year) {
  const texts = state.get(name);
  return texts && (texts.get(year) ?? texts.get(""));
}

/**
 * Return each parameter's values that the settings give: Map of name to Map of year to a number and as written.
 * A setting that cannot be read, or a value out of bounds, is refused; the refusal has the `name` and `year`.
 */
function settle(model, state) {
  const settled = new Map();
  for (const [name, parameter] of model.parameters) {
    const values = new Map();
    for (const [year, own] of parameter.values) {
      const text = textFor(state, name, year);
      if (text === undefined) continue;
      const settingYear = state.get(name).has(year) ? year : "";
      try {
        values.set(year, readSetting(settingName(name, settingYear), text, own, parameter.unit));
      } catch (fault) {
        throw Object.assign(fault, { name, year });
      }
    }
    if (values.size) settled.set(name, values);
  }
  checkBounds(model, settled);
  return settled;
}

/** Return a parameter's value in a year, as a number and as written, after settings. */
function valueIn(model, settled, name, year) {
  return settled.get(name)?.get(year) ?? model.parameters.get(name).values.get(year);
}

/** Refuse a value below its minimum or above its maximum, which may be a parameter's value in the same year. */
function checkBounds(model, settled) {
  for (const [name, parameter] of model.parameters) {
    for (const bound of ["minimum", "maximum"]) {
      const text = parameter[bound];
      const isName = model.parameters.has(text);
      for (const year of text ? parameter.values.keys() : []) {
        const value = valueIn(model, settled, name, year);
        const limit = isName ? valueIn(model, settled, text, year) : { value: readNumber(text), written: text };
        if (bound === "minimum" ? value.value >= limit.value : value.value <= limit.value) continue;
        const itsValue = isName ? `, which is ${limit.written} in that year` : "";
        // -1 as -100%, as the value is written.
        const isPercentage = !isName && value.written.endsWith("%") && !text.endsWith("%");
        const its = `${bound} is ${isPercentage ? asPercentage(text) : text}${itsValue}`;
        try {
          refuseSetting("--set", `${name} is ${value.written} in ${year}; its ${its}`);
        } catch (fault) {
          throw Object.assign(fault, { name, year });
        }
      }
    }
  }
}

/** Return the numbers that differ from the reported run: Map of name to Map of year to the number. */
function changedNumbers(model, settled) {
  const changed = new Map();
  for (const [name, values] of settled) {
    const own = model.parameters.get(name).values;
    const different = [...values].filter(([year, { value }]) => value !== own.get(year).value);
    if (different.length) changed.set(name, new Map(different.map(([year, { value }]) => [year, value])));
  }
  return changed;
}

/** Return each changed parameter in words: its name, and its values before and after, with their years. */
function settingsInWords(model, settled) {
  const sentences = [];
  for (const [name, numbers] of changedNumbers(model, settled)) {
    const { label, unit, values } = model.parameters.get(name);
    const yearsByChange = new Map();
    for (const year of numbers.keys()) {
      const [before, now] = [values.get(year), settled.get(name).get(year)];
      const texts = AMOUNTS.includes(unit)
        ? [before, now].map(({ value, written }) => writtenValue(value, unit, written))
        : parameterValues(before.value, now.value, unit);
      const change = texts.join(" → ");
      yearsByChange.set(change, [...(yearsByChange.get(change) ?? []), year]);
    }
    for (const [change, years] of yearsByChange) {
      const when = model.years.length > 1 ? ` in ${span(years, model.years)}` : "";
      sentences.push(`${label}: ${change}${when}`);
    }
  }
  return sentences;
}

// As a command

/** Write a word as a POSIX shell reads it. */
function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\"'\"'")}'`;
}

/** Write a word as PowerShell reads it, where quotation marks of every shape end a text. */
function powerShellWord(text) {
  return /^[\w+=:./\\-]+$/.test(text) ? text : `'${text.replace(/['‘’‚‛]/g, "$&$&")}'`;
}

/**
 * Return the words of the command that gives the same run: the options of the run, and a `--set` for each setting.
 * A change of a value that a setting of the run itself gave is written as the value, because `--set` changes the
 * scheme's.
 */
function commandWords(model, data, state) {
  const { options, settings } = data.whatIf;
  const settled = settle(model, state);
  const pairs = settings.filter(([name, year]) => !(state.get(name)?.has(year) || state.get(name)?.has("")));
  for (const [name, texts] of state) {
    const isSetInRun = settings.some(([other]) => other === name);
    for (const [year, text] of texts) {
      const [first] = settled.get(name).values();
      pairs.push([name, year, isSetInRun ? (settled.get(name).get(year) ?? first).written : text.trim()]);
    }
  }
  const words = pairs.flatMap(([name, year, text]) => ["--set", `${settingName(name, year)}=${text}`]);
  return ["gpit", "allocate", ...options, ...words];
}

// As the fragment of an address

/** Return the settings as the fragment of an address: `#revenue_budget=135800000&support_share@2015/16=0.4`. */
function fragmentOf(state) {
  const encoded = (text) => encodeURIComponent(text).replaceAll("%40", "@").replaceAll("%2F", "/");
  const parts = [...state].flatMap(([name, texts]) =>
    [...texts].map(([year, text]) => `${encoded(settingName(name, year))}=${encoded(text)}`),
  );
  return parts.length ? `#${parts.join("&")}` : "";
}

/** Return a part of an address without its percent signs; unchanged if they are broken. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Return the settings of a fragment as a state, and `unknown`: the names in it that are no setting of this page.
 * A parameter with one control for all years is set for all, another year by year.
 */
function readFragment(model, fragment) {
  const state = new Map();
  const unknown = [];
  for (const part of fragment.replace(/^#/, "").split("&").filter(Boolean)) {
    const [, left, text] = /^([^=]*)=?(.*)$/s.exec(part);
    const whole = decoded(left);
    const [, name, year = ""] = /^(.*?)(?:@([0-9]{4}\/[0-9]{2}))?$/s.exec(whole);
    const parameter = model.parameters.get(name);
    const years = parameter && controlYears(parameter);
    const isKnown = years && text && (year === "" || years.includes(year));
    if (!isKnown) {
      unknown.push(oneLine(whole));
      continue;
    }
    const texts = state.get(name) ?? new Map();
    for (const controlYear of year ? [year] : years) texts.set(controlYear, decoded(text));
    state.set(name, texts);
  }
  return { state, unknown };
}

/** Return the years for which a parameter has a control each; one empty text if its value is the same in all. */
function controlYears(parameter) {
  const numbers = new Set([...parameter.values.values()].map(({ value }) => value));
  return numbers.size > 1 ? [...parameter.values.keys()] : [""];
}
