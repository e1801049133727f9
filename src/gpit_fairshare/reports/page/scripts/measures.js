/* The measures of a run for people, as `engine/measures.py` and the sentences and tables of its reports have them. */

const BASELINE = "historic_spend";
const PEOPLE = "registered_population";
const FAIR_SHARE = "fair_share";
/** £: a smaller change is rounding. */
const NO_CHANGE = 1;
const HALF_A_POUND = 0.5;
/** Years that a sentence or a compact table names; figures of more are added up. */
const MOST_YEARS = 4;
/** Codes and years that a short sentence names. */
const MOST_NAMED = 3;
const NO_OUTCOME = "none of these";
const DIFFERENCE_LABEL = "Difference (in − taken away − out − unspent)";

/** Return whether a value is written as pounds; a value without a unit counts as money. */
function isMoney(unit) {
  return unit === "£" || unit === null;
}

/** Return the function that writes a result in the unit of the model. */
function resultWriter(model) {
  if (model.unit === "£") return money;
  return model.unit === "%" ? percentage : plainNumber;
}

/** Return a number for every organisation, null where it is blank; or null if there is no such column. */
function numbersOf(model, year, name) {
  if (!year.columns.has(name) || year.kindOf(name) !== ORGANISATION) return null;
  const step = model.steps.find((other) => other.name === name);
  return step && step.type !== "number" ? null : year.values(name);
}

/** Return a number for every organisation, or null if the column is absent or has a blank. */
function fullColumn(model, year, name) {
  const values = numbersOf(model, year, name);
  return values && !values.includes(null) ? values : null;
}

/** Return the area of every organisation; empty texts without areas. */
function areasOf(model, year) {
  const group = year.groups.get(model.reportBy);
  if (group) return group.members.map((number) => group.labels[number]);
  return year.columns.has(model.reportBy) ? year.values(model.reportBy).map((area) => area ?? "") : year.codes.map(() => "");
}

/** Compare two texts by code point, as Python does. */
function byCodePoint(one, other) {
  const [first, second] = [[...one], [...other]];
  const index = first.findIndex((character, place) => character !== second[place]);
  if (index < 0) return first.length - second.length;
  return index < second.length ? first[index].codePointAt(0) - second[index].codePointAt(0) : 1;
}

// Each organisation

/**
 * Return the opening baseline of every organisation: historic spend in the first year, and after that its result of the
 * year before, added up over merged predecessors. Null where there is none.
 */
function openingBaselines(model, data, run, index) {
  const year = run.years[index];
  if (!isMoney(model.unit)) return year.codes.map(() => null);
  if (index === 0) return numbersOf(model, year, BASELINE) ?? year.codes.map(() => null);
  const amounts = numbersOf(model, run.years[index - 1], model.result);
  return data.years[index].predecessors.map((rows) => (rows.length ? sum(rows.map((row) => amounts[row])) : null));
}

/** Return an amount as a ratio above another; null where the other is null or not above 0. */
function ratioAbove(amount, base) {
  return base === null || base <= 0 ? null : amount / base - 1;
}

/** The figures of the organisations of each year of a run: table, charts and sentences of a move all use them. */
const ROWS_OF_YEARS = new WeakMap();

/**
 * Return the figures of every organisation of a year, by code: money in £, ratios as 0.05, null where there is none.
 *
 * `before` and `change` are of the opening baseline; `spend`, `spendChange` and `spendPercent` of the
 * historic spend of the same year, if every organisation has it.
 */
function organisationRows(model, data, run, index) {
  const year = run.years[index];
  if (!ROWS_OF_YEARS.has(year)) ROWS_OF_YEARS.set(year, rowsOfYear(model, data, run, index));
  return ROWS_OF_YEARS.get(year);
}

/** Return the figures of every organisation of a year; see `organisationRows`, which keeps them. */
function rowsOfYear(model, data, run, index) {
  const year = run.years[index];
  const results = year.values(model.result);
  const opening = openingBaselines(model, data, run, index);
  const spends = isMoney(model.unit) ? fullColumn(model, year, BASELINE) : null;
  const [people, fairShares] = [PEOPLE, FAIR_SHARE].map((name) => numbersOf(model, year, name));
  const areas = areasOf(model, year);
  return year.codes.map((code, row) => {
    const [result, before, spend] = [results[row], opening[row], spends ? spends[row] : null];
    return {
      code,
      name: year.names[row] ?? "",
      area: areas[row],
      people: people ? people[row] : null,
      before,
      fairShare: fairShares ? fairShares[row] : null,
      result,
      change: before === null ? null : result - before,
      perHead: people && people[row] ? result / people[row] : null,
      outcome: year.outcomes[row] ?? "",
      spend,
      spendChange: spend === null ? null : result - spend,
      spendPercent: ratioAbove(result, spend),
    };
  });
}

// Money

/** Return the step that rounds the shares of a `share_out` step; undefined without one. */
function roundingStep(model, name) {
  return model.steps.find(({ kernel }) => kernel && kernel.function === "rounded" && kernel.of === name);
}

/** Return what a `share_out` step leaves over: one fraction, or one for each group, after rounding within groups. */
function leftOverByGroup(model, year, name) {
  const unspent = year.unspent.get(name);
  const rounding = roundingStep(model, name);
  const { kernel } = model.steps.find((step) => step.name === name);
  if (!rounding || rounding.kernel.within !== kernel.within) return unspent;
  const [top, bottom] = rounding.kernel.to.map(BigInt);
  return year.amounts.get(name).map((amount, group) => {
    const over = unspent[group];
    if (!over.top) return over;
    const left = difference(amount, rounded([difference(amount, over)], { top, bottom }, null, 1)[0]);
    return left.top > 0n ? left : toFraction(0);
  });
}

/** Return the money account of one year in £, or null if the result is not money; see `MoneyAccount` in Python. */
function accountOf(model, data, run, index) {
  if (!isMoney(model.unit)) return null;
  const year = run.years[index];
  const amountLabel = (name) => {
    const { kernel } = model.steps.find((step) => step.name === name);
    return model.labels.get(kernel.amount) ?? model.labels.get(name);
  };
  const line = (name) => ({
    name,
    label: model.labels.get(name),
    amount: sum(year.values(name).filter((value) => value !== null)),
  });
  const wholeAmount = (name, fractions) => ({
    name,
    label: amountLabel(name),
    amount: toFloat(exactSum(fractions)),
  });
  const moneyIn = model.moneyIn.map((name) =>
    model.wholeAmounts.includes(name) ? wholeAmount(name, year.amounts.get(name)) : line(name),
  );
  const takenAway = model.takenAway.map(line);
  const out = line(model.result);
  const unspent = model.unspent.map((name) =>
    year.unspent.has(name) ? wholeAmount(name, leftOverByGroup(model, year, name)) : line(name),
  );
  const less = [...takenAway, out, ...unspent].map((part) => -part.amount);
  const difference = moneyIn.length ? roundToPence(sum([...moneyIn.map((part) => part.amount), ...less])) : null;
  const isBalanced = Math.abs(difference ?? 0) <= data.whatIf.rounding[index];
  return { moneyIn, takenAway, out, unspent, difference, isBalanced };
}

/** Return the sum of the amounts of some lines. */
function totalOf(lines) {
  return sum(lines.map((line) => line.amount));
}

/** Return the money in of a year in £; null if it is not known. */
function moneyIn(measures) {
  return measures.money && measures.money.moneyIn.length ? totalOf(measures.money.moneyIn) : null;
}

/** Return the money unspent in a year in £, all kinds together; 0 if the result is not money. */
function unspentIn(measures) {
  return measures.money ? totalOf(measures.money.unspent) : 0;
}

/** Return whether what is paid above the money in is new money, though no file states where it comes from. */
function isBalancedByNewMoney(model, measures) {
  const { money: account } = measures;
  const isAbove = account !== null && !account.isBalanced && account.difference < 0;
  return isAbove && !model.moneyStated && model.paidFrom === "new money";
}

/** Return the money in £ that the transition adds on top of the budget in a year, less what it takes away. */
function newMoney(model, measures) {
  if (!measures.money) return 0;
  if (isBalancedByNewMoney(model, measures)) return -measures.money.difference;
  return Math.max(0, totalOf(measures.money.moneyIn.filter((line) => model.newMoney.includes(line.name))));
}

/** Return the difference of the money account in £ that needs an explanation: finding R07; else 0. */
function imbalance(model, measures) {
  if (!measures.money || measures.money.isBalanced || isBalancedByNewMoney(model, measures)) return 0;
  return measures.money.difference;
}

// Spread and outcomes

/** Return the lowest and highest £ per head; null if the organisations have no people, or no money together. */
function spreadOf(amounts, people) {
  const rates = amounts.map((amount, row) => amount / people[row]).filter((_, row) => people[row] > 0);
  const all = sum(amounts.filter((_, row) => people[row] > 0));
  return all > 0 ? { lowest: smallestOf(rates), highest: largestOf(rates) } : null;
}

/** Return how many organisations have each outcome of the rule in a year, in its order. */
function outcomeCounts(model, year) {
  return model.outcomes.map(({ label }) => ({
    label,
    organisations: year.outcomes.filter((outcome) => outcome === label).length,
  }));
}

/** Return the measures of one year; null where the inputs do not have what a figure needs. */
function yearMeasures(model, data, run, index) {
  const year = run.years[index];
  const rows = organisationRows(model, data, run, index);
  const results = rows.map((row) => row.result);
  const people = fullColumn(model, year, PEOPLE);
  const spends = fullColumn(model, year, BASELINE);
  return {
    year: year.year,
    rows,
    organisations: rows.length,
    allocated: sum(results),
    money: accountOf(model, data, run, index),
    before: spends && people ? spreadOf(spends, people) : null,
    after: people ? spreadOf(results, people) : null,
    outcomes: outcomeCounts(model, year),
  };
}

/** Return the measures of every year, with a count of organisations without an outcome if any year has some. */
function runMeasures(model, data, run) {
  const measures = run.years.map((_, index) => yearMeasures(model, data, run, index));
  const missing = measures.map(
    (year) => year.organisations - year.outcomes.reduce((total, outcome) => total + outcome.organisations, 0),
  );
  if (model.outcomes.length && missing.some((number) => number > 0)) {
    measures.forEach((year, index) => year.outcomes.push({ label: NO_OUTCOME, organisations: missing[index] }));
  }
  return measures;
}

// Sentences of the answer, as `reports/allocation_opening.py` writes them

/** Return what the sum of all results is called: `Allocated`, or `Total payment`. */
function totalLabel(model) {
  return model.result === "allocation" ? "Allocated" : `Total ${inside(model.labels.get(model.result))}`;
}

/** Return which money is unspent, inside a sentence: its label, or `money` if there are several kinds. */
function unspentKind(measures) {
  const lines = measures.flatMap((year) => (year.money ? year.money.unspent : []));
  const labels = new Set(lines.filter((line) => line.amount).map((line) => line.label));
  return labels.size === 1 ? inside([...labels][0]) : "money";
}

/** Return a sentence with the amounts of 50p or more by year, in a list; after four years the others are added up. */
function amountsByYear(model, heading, amounts) {
  const write = resultWriter(model);
  const large = amounts.filter(([, amount]) => amount >= HALF_A_POUND);
  const texts = large.slice(0, MOST_YEARS).map(([year, amount]) => `${write(amount)} in ${year}`);
  const others = large.slice(MOST_YEARS).map(([, amount]) => amount);
  if (others.length) texts.push(`${write(sum(others))} in ${counted(others.length, "later year")}`);
  return texts.length ? [{ text: `${heading}: ${joined(texts)}.`, tone: "warning" }] : [];
}

/** Return each failed check as a sentence with its years and organisations. */
function failedChecks(run) {
  const failed = new Map();
  for (const { year, checks } of run.years) {
    for (const check of checks.filter((other) => !other.holds)) {
      const key = JSON.stringify([check.name, check.formula]);
      const codes = check.failing.length ? ` (${listed(check.failing, MOST_NAMED)})` : "";
      const { years } = failed.get(key) ?? { years: [] };
      failed.set(key, { name: check.name, years: [...years, `${year}${codes}`] });
    }
  }
  return [...failed.values()].map(({ name, years }) => `Check fails in ${listed(years, MOST_NAMED)}: ${name}.`);
}

/** Return how many checks pass or fail: `all 4 checks pass`, `1 of 4 checks fails`. */
function agreementOf(model, run) {
  const failing = failedChecks(run).length;
  const number = model.checks.length;
  if (failing) return `${failing} of ${counted(number, "check")} ${failing === 1 ? "fails" : "fail"}`;
  if (number > 1) return `all ${number} checks pass`;
  return number ? "1 check passes" : "no checks";
}

/** Return how much of the money in is allocated in some years together: `all £100`, `£90 of £100`. */
function shareAllocated(model, measures) {
  const write = resultWriter(model);
  const allocated = sum(measures.map((year) => year.allocated));
  const amounts = measures.map(moneyIn);
  if (amounts.includes(null) || measures.some((year) => newMoney(model, year))) return write(allocated);
  const available = sum(amounts);
  const takenAway = totalOf(measures.flatMap((year) => year.money.takenAway));
  if (takenAway >= HALF_A_POUND) return `${write(allocated)} of ${write(available)} (${write(takenAway)} taken away)`;
  if (Math.abs(available - allocated) < HALF_A_POUND) return `all ${write(allocated)}`;
  if (allocated > available) return `${write(allocated)}, ${write(allocated - available)} more than the money in,`;
  return `${write(allocated)} of ${write(available)}`;
}

/** Return how much of the money in is allocated in each year; a result that is not money has its range. */
function allocatedSentence(model, measures) {
  const last = measures.at(-1);
  if (!isMoney(model.unit)) {
    const results = last.rows.map((row) => row.result);
    const ends = [Math.min, Math.max].map((end) => resultWriter(model)(results.reduce((one, other) => end(one, other))));
    return `${model.labels.get(model.result)} in ${last.year}: lowest ${ends[0]}, highest ${ends[1]}.`;
  }
  if (measures.length <= MOST_YEARS) {
    const parts = measures.map((year) => `${shareAllocated(model, [year])} in ${year.year}`);
    return `${totalLabel(model)}: ${parts.join("; ")}.`;
  }
  const all = `${shareAllocated(model, measures)} in ${counted(measures.length, "year")}`;
  return `${totalLabel(model)}: ${all}; ${shareAllocated(model, [last])} in ${last.year}.`;
}

/** Return the organisations that gain, or lose, £1 or more on historic spend, the largest change first. */
function movers(rows, sign) {
  return rows
    .filter((row) => row.spendChange !== null && row.spendChange * sign >= NO_CHANGE)
    .sort((one, other) => sign * (other.spendChange - one.spendChange) || byCodePoint(one.code, other.code));
}

/** Return how many gain and lose on historic spend in the last year, and who loses most; nothing without spend. */
function gainsAndLosses(model, measures) {
  const { rows, year } = measures.at(-1);
  const changes = rows.filter((row) => row.spendChange !== null);
  if (!changes.length) return [];
  const spendLabel = inside(model.labels.get(BASELINE) ?? "Historic spend");
  const [gains, losses] = [movers(rows, 1), movers(rows, -1)];
  const [gain, lose, same] = [gains.length, losses.length, changes.length - gains.length - losses.length];
  const texts = [];
  if (gain) texts.push(`${counted(gain, model.organisation)} ${gain === 1 ? "gains" : "gain"} on ${spendLabel}`);
  if (lose) {
    const total = money(-sum(losses.map((row) => row.spendChange)));
    const subject = gain ? wholeCount(lose) : counted(lose, model.organisation);
    const spend = gain ? "" : ` on ${spendLabel}`;
    texts.push(`${subject} ${lose === 1 ? "loses" : "lose"} ${total}${spend}${lose > 1 ? " in total" : ""}`);
  } else if (gain) {
    texts.push("none loses");
  }
  if (same) {
    const subject = texts.length ? wholeCount(same) : counted(same, model.organisation);
    texts.push(`${subject} ${same === 1 ? "does" : "do"} not change`);
  }
  const sentences = [`In ${year}, ${joined(texts)}.`];
  if (lose && changes.length > 1) {
    const [largest] = losses;
    const share = largest.spendPercent ? `, ${percentage(-largest.spendPercent)} of its ${spendLabel}` : "";
    const nameAndCode = largest.name ? `${largest.name} (${largest.code})` : largest.code;
    sentences.push(`${nameAndCode} loses most: ${money(-largest.spendChange)}${share}.`);
  }
  return sentences;
}

/**
 * Return the sentences of the answer, each with its tone: how much is allocated, who gains and who loses, and then failed
 * checks and what is wrong or left over in the money.
 */
function answerSentences(model, measures, run) {
  const byYear = (amountIn) => measures.map((year) => [year.year, amountIn(year)]);
  return [
    ...[allocatedSentence(model, measures), ...gainsAndLosses(model, measures)].map((text) => ({ text, tone: "" })),
    ...failedChecks(run).map((text) => ({ text, tone: "bad" })),
    ...amountsByYear(model, "Money does not balance", byYear((year) => Math.abs(imbalance(model, year)))),
    ...amountsByYear(model, `Unspent ${unspentKind(measures)}`, byYear(unspentIn)),
    ...amountsByYear(model, "New money", byYear((year) => newMoney(model, year))),
  ];
}

// The table of national figures, as `reports/allocation.py` has it

/** Return the rows of money in, taken away, allocated and unspent, and a difference that is not 0. */
function moneyRows(model, years) {
  const write = (value) => orDash(value, resultWriter(model));
  const accounts = years.map((year) => year.money);
  const rows = [];
  const add = (label, values) => rows.push({ cells: [label, ...values.map(write)], below: "" });
  if (accounts.some((account) => account.moneyIn.length)) add("Money in", years.map(moneyIn));
  const added = years.map((year) => newMoney(model, year));
  if (added.some(Boolean)) add("New money in it", added);
  const takenAway = accounts.map((account) => totalOf(account.takenAway));
  if (accounts.some((account) => account.takenAway.length)) add("Taken away", takenAway);
  add(totalLabel(model), years.map((year) => year.allocated));
  if (accounts.some((account) => account.unspent.length)) add("Unspent", years.map(unspentIn));
  const differences = accounts.map((account) => account.difference);
  if (differences.some((difference) => Math.abs(difference ?? 0) >= HALF_A_POUND)) {
    const isBalanced = accounts.every((account) => account.isBalanced);
    add(isBalanced ? "Difference from rounding" : DIFFERENCE_LABEL, differences);
  }
  return rows;
}

/** Return a row for each outcome that occurs: how many have it, and below its name where only one organisation has it. */
function outcomeRows(model, run, years) {
  const rows = [];
  years[0].outcomes.forEach(({ label }, place) => {
    const counts = years.map((year) => year.outcomes[place].organisations);
    if (!counts.some(Boolean)) return;
    const names = years.map((year) => {
      const having = year.rows.filter((row) => row.outcome === label);
      if (having.length !== 1) return "";
      const [{ code, name }] = having;
      return `${run.years.length > 1 ? `${year.year}: ` : ""}${name ? `${name} (${code})` : code}`;
    });
    const cells = counts.map((number) => counted(number, model.organisation));
    rows.push({ cells: [sentence(label), ...cells], below: names.filter(Boolean).join("; ") });
  });
  return rows;
}

/** Return the rows with the lowest and highest £ per head of historic spend, and of the result. */
function spreadRows(model, years) {
  const ends = (spread) => (spread ? `${perHead(spread.lowest)} to ${perHead(spread.highest)}` : "–");
  return [
    [model.labels.get(BASELINE) ?? "Historic spend", years.map((year) => year.before)],
    [model.labels.get(model.result), years.map((year) => year.after)],
  ]
    .filter(([, spreads]) => spreads.some(Boolean))
    .map(([label, spreads]) => ({ cells: [`${label} per head`, ...spreads.map(ends)], below: "" }));
}

/**
 * Return the table of money, outcomes and £ per head: `years` heads its columns, `rows` have cells and a text below,
 * `note` says what is not shown. Of more than four years it has the first and the last two.
 */
function nationalFigures(model, measures, run) {
  const isShort = measures.length <= MOST_YEARS;
  const shown = isShort ? measures : [measures[0], ...measures.slice(-2)];
  const rows = [...(isMoney(model.unit) ? moneyRows(model, shown) : []), ...outcomeRows(model, run, shown)];
  if (model.unit === "£" && shown.at(-1).organisations > 1) rows.push(...spreadRows(model, shown));
  let note = "";
  if (!isShort) {
    const others = measures.filter((year) => !shown.includes(year));
    note = `${shown.length} of ${measures.length} years shown`;
    if (isMoney(model.unit)) {
      const write = resultWriter(model);
      note += `; in the other ${others.length}: ${write(sum(others.map((year) => year.allocated)))} allocated`;
      note += `, ${write(sum(others.map(unspentIn)))} unspent`;
    }
    note += ".";
  }
  return { years: shown.map((year) => year.year), rows, note };
}
