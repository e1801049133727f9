// A scheme calculated year by year, step by step, as engine/year.py does, with the messages of that module.
// A kind is "national", "organisation", or "by " and the text column of a group.

const NATIONAL = "national";
const ORGANISATION = "organisation";

/** Return the model of a page from its data and the functions of its formulas, with a Map for what names are keys of. */
function makeModel(written, formulas) {
  const parts = (kind) => written[kind].map((part, place) => ({ ...part, ...formulas[kind][place] }));
  const parameter = ({ values, ...rest }) => ({
    ...rest,
    values: new Map(values.map(([year, value, text]) => [year, { value, written: text }])),
  });
  return {
    ...written,
    labels: new Map(written.labels),
    units: new Map(written.units),
    parameters: new Map(written.parameters.map((each) => [each.name, parameter(each)])),
    tables: new Map(written.tables.map((table) => [table.name, table])),
    aggregates: formulas.aggregates,
    steps: parts("steps"),
    checks: parts("checks"),
    outcomes: parts("outcomes"),
  };
}

/** Return the data of a page with the lists of the year before in place of `same`. */
function withRepeats(written) {
  let before = null;
  const years = written.years.map((inputs) => {
    const columns = inputs.columns.map(([name, values]) =>
      [name, values === "same" ? before.columns.find(([other]) => other === name)[1] : values]);
    const repeated = {};
    for (const key of ["codes", "names", "groups"]) if (inputs[key] === "same") repeated[key] = before[key];
    if (inputs.predecessors === "same") repeated.predecessors = before.codes.map((_, row) => [row]);
    before = { ...inputs, columns, ...repeated };
    return before;
  });
  return { ...written, years };
}

/** Calculate every year; `values` has the parameters' values that differ from the scheme's: Map of name, Map of year. */
function calculate(model, data, values) {
  const years = [];
  for (const inputs of data.years) {
    const run = new YearRun(model, inputs, values, years[years.length - 1] || null);
    model.steps.forEach((step) => run.step(step));
    model.checks.forEach((check) => run.check(check));
    run.findOutcomes();
    years.push(run);
  }
  return { years };
}

/** One year of a scheme: its columns, groups, and what each kernel shared out. */
class YearRun {
  constructor(model, inputs, values, before) {
    this.model = model;
    this.inputs = inputs;
    this.before = before;
    this.year = inputs.year;
    this.place = `${model.name}, ${this.year}`;
    this.codes = inputs.codes;
    this.names = inputs.names;
    this.count = inputs.codes.length;
    this.columns = new Map();
    this.repeated = new Map();
    this.groups = new Map(inputs.groups.map((group) => [group.column, group]));
    this.exact = new Map();
    this.amounts = new Map();
    this.unspent = new Map();
    this.factors = new Map();
    this.rates = new Map();
    this.checks = [];
    this.outcomes = [];
    for (const [name, column] of inputs.columns) this.columns.set(name, { kind: ORGANISATION, values: column });
    for (const [name, parameter] of model.parameters) {
      const set = values.get(name);
      const value = set && set.has(this.year) ? set.get(this.year) : parameter.values.get(this.year).value;
      this.store(name, NATIONAL, [value]);
    }
  }

  /** Return how many rows a kind has. */
  height(kind) {
    if (kind === ORGANISATION) return this.count;
    return kind === NATIONAL ? 1 : this.groups.get(kind.slice(3)).labels.length;
  }

  /** Return the kind of a name. */
  kindOf(name) {
    return this.columns.get(name).kind;
  }

  /** Return the values of a name, one for each row of its own kind. */
  values(name) {
    return this.columns.get(name).values;
  }

  /** Return the values of a name for every row of a kind: those of the nation or of groups are repeated. */
  column(name, kind) {
    const own = this.columns.get(name);
    if (own.kind === kind) return own.values;
    const key = `${kind}\n${name}`;
    if (!this.repeated.has(key)) {
      const values = own.kind === NATIONAL ? Array(this.height(kind)).fill(own.values[0])
        : this.groups.get(own.kind.slice(3)).members.map((number) => own.values[number]);
      this.repeated.set(key, values);
    }
    return this.repeated.get(key);
  }

  /** Store the values of a name; a number nearer to 0 than 1e-50 becomes 0, one beyond 1e50 is refused. */
  store(name, kind, values) {
    const stored = values.map((value, row) => {
      if (typeof value !== "number") return value;
      if (!(Math.abs(value) <= LARGEST)) {
        const rowName = this.rowNames(kind)[row];
        throw new Refusal(`${this.place}, ${rowName}: ${name} is ${shortest(value)}, too large; ${BOUNDS}`);
      }
      return Math.abs(value) >= SMALLEST ? value : 0;
    });
    this.columns.set(name, { kind, values: stored });
  }

  /** Return the name of every row of a kind, for messages. */
  rowNames(kind) {
    if (kind === NATIONAL) return ["national"];
    return kind === ORGANISATION ? this.codes : this.groups.get(kind.slice(3)).labels;
  }

  /** Return the number of the group of each row of a kind, from 0; a group of organisations must be in one only. */
  members(kind, within) {
    const outer = this.groups.get(within).members;
    if (kind === ORGANISATION) return outer;
    const inner = this.groups.get(kind.slice(3));
    const outerOf = [];
    inner.members.forEach((number, row) => {
      outerOf[number] ??= outer[row];
      if (outerOf[number] !== outer[row]) {
        const label = `${kind.slice(3)} ${inner.labels[number]}`;
        throw new Refusal(`${this.place}: ${label} is in more than one ${within}`);
      }
    });
    return outerOf;
  }

  /** Return the values of a name for every row of a kind; a blank is refused. */
  filled(name, kind, whyNeeded = "") {
    const values = this.column(name, kind);
    const row = values.indexOf(null);
    if (row >= 0) throw new Refusal(`${this.place}, ${this.rowNames(kind)[row]}: ${name} is blank${whyNeeded}`);
    return values;
  }

  /** Calculate one step for all rows, and store its values. */
  step(step) {
    this.prepare(step);
    const { kernel, kind, name } = step;
    const groups = kernel && kernel.within ? this.members(kind, kernel.within) : null;
    const count = groups && this.height(`by ${kernel.within}`);
    switch (kernel && kernel.function) {
      case "share_out":
        return this.storeShares(step, groups);
      case "rounded":
        return this.storeRounded(step, groups, count);
      case "rank":
        return this.store(name, kind, ranks(this.filled(kernel.of, kind), groups, count));
      case "running_total": {
        const totals = runningTotals(this.leaf(kernel.of, kind), this.filled(kernel.by, kind), groups, count);
        this.store(name, kind, totals.map(toFloat));
        return this.exact.set(name, totals);
      }
      default:
        return this.store(name, kind, this.evaluate(step, kind));
    }
  }

  /** Record the outcome of a check; one that stops the run and fails is refused. */
  check(check) {
    this.prepare(check);
    const values = this.evaluate(check, check.kind);
    const names = this.rowNames(check.kind);
    const failing = names.filter((_, row) => !values[row]);
    if (check.stops && failing.length) {
      const row = values.indexOf(false);
      const more = failing.length > 1 ? ` and ${failing.length - 1} more` : "";
      const rows = check.kind === NATIONAL ? "" : `, ${failing[0]}${more}`;
      const cells = this.inputs.cells[check.number] ? this.inputs.cells[check.number][row] : "";
      const figures = this.figuresOf(check, check.kind, row);
      const why = `, so there is no result${check.note ? `; ${check.note}` : ""}`;
      throw new Refusal(`${this.place}${rows}${cells}: ${check.formula} is not true${figures}${why}`);
    }
    this.checks.push({ year: this.year, name: check.name, formula: check.formula, holds: !failing.length, failing });
  }

  /** Find the outcome of each organisation: the first of the scheme's whose formula is true for it. */
  findOutcomes() {
    let labels = Array(this.count).fill("");
    for (const outcome of this.model.outcomes) {
      this.prepare(outcome);
      const isTrue = this.evaluate(outcome, ORGANISATION);
      labels = labels.map((label, row) => label || (isTrue[row] ? outcome.label : ""));
    }
    this.outcomes = labels;
  }

  /** Return the value of a formula for every row of a kind; an undefined value is refused. */
  evaluate(part, kind) {
    const rowValue = (this.before && part.later ? part.later : part.first)((key) => this.column(key, kind));
    return Array.from({ length: this.height(kind) }, (_, row) => {
      try {
        const value = rowValue(row);
        if (typeof value !== "number") return value;
        return finite(value) + 0; // minus zero becomes zero
      } catch (fault) {
        if (fault !== UNDEFINED) throw fault;
        throw new Refusal(this.undefinedValue(part, kind, row));
      }
    });
  }

  /** Return the message that a formula's value is undefined for a row: why, and the figures that went into it. */
  undefinedValue(part, kind, row) {
    let why = "a division by zero, a blank cell or a number too large";
    let remedy = "exclude this case with where(…)";
    const rate = part.rates.find(({ text }) => this.isReason(part, kind, row, text));
    if (rate) {
      const { kernel } = this.model.steps.find((step) => step.name === rate.step);
      const where = kernel.within ? ` in its ${kernel.within}` : "";
      const [reason, wayOut] = kernel.atMost === null
        ? [`every weight${where} is 0`, "give at least one row a weight"]
        : [`everybody${where} has the most that it allows`, "lower the amount or raise at_most"];
      why = `${rate.step} has no rate, because ${reason}`;
      remedy = `${wayOut}, or ${remedy}`;
    }
    if (part.partial.length) why += `, or no value from ${part.partial.join(", ").replace(/, ([^,]*)$/, " and $1")}`;
    const figures = this.figuresOf(part, kind, row);
    return `${this.place}, ${this.rowNames(kind)[row]}: ${part.text} is undefined: ${why}${figures}; ${remedy}`;
  }

  /** Return whether a formula has a value in a row if only this figure, of those without a value, had one. */
  isReason(part, kind, row, text) {
    const blanks = [...part.rates, ...part.lookups].map((node) => node.text);
    const isDefined = (filledIn) => {
      const column = (key) => {
        const values = this.column(key, kind);
        return blanks.includes(key) && values[row] === null && filledIn(key) ? { [row]: 1 } : values;
      };
      try {
        (this.before && part.later ? part.later : part.first)(column)(row);
        return true;
      } catch {
        return false;
      }
    };
    return this.column(text, kind)[row] === null && !isDefined((key) => key !== text) && isDefined(() => true);
  }

  /** Return the values of the names in a formula, for one row, as text in brackets; at most six, empty without names. */
  figuresOf(part, kind, row) {
    const texts = new Set();
    for (const [names, unit] of part.shown) {
      const name = names.find((each) => this.columns.has(each) && this.isWithin(each, kind));
      if (name !== undefined) {
        const value = this.column(name, kind)[row];
        texts.add(`${names[0]} = ${value === null ? "blank" : figure(value, unit)}`);
      }
    }
    return texts.size ? ` (${[...texts].slice(0, 6).join(", ")})` : "";
  }

  /** Return whether a name has a value for each row of a kind. */
  isWithin(name, kind) {
    return [kind, NATIONAL].includes(this.kindOf(name)) || kind === ORGANISATION;
  }

  // Figures over rows, and values of the year before

  /** Store what a step, check or outcome needs besides names; from now on messages name this part. */
  prepare(part) {
    this.place = `${part.where}, ${this.year}`;
    part.aggregates.forEach((node) => this.storeAggregate(node));
    part.rates.forEach((node) => this.storeRate(node));
    part.lookups.forEach((node) => this.storeTableValues(node));
    if (this.before) part.previous.forEach((name) => this.storePrevious(name));
  }

  /** Calculate a total, count, largest or smallest, nationally or by group, and store it, unless it is stored. */
  storeAggregate({ text, function: name, of, within }) {
    if (this.columns.has(text)) return;
    const kind = this.kindOf(of);
    const why = `, and ${text} needs a value; replace blanks in a step with where(given(${of}), …)`;
    const values = this.filled(of, kind, why);
    if (!within) {
      this.store(text, NATIONAL, [this.model.aggregates[name](values)]);
      return;
    }
    const groups = rowsByGroup(this.members(kind, within), values.length, this.height(`by ${within}`));
    this.store(text, `by ${within}`, groups.map((rows) => this.model.aggregates[name](rows.map((row) => values[row]))));
  }

  /** Store the rate that a `share_out` step found, unless it is stored; null where everybody has the most. */
  storeRate({ text, step, kind }) {
    if (this.columns.has(text)) return;
    this.store(text, kind, this.rates.get(step).map((rate) => rate && toFloat(rate)));
  }

  /** Store the values that a table gives for a column, unless they are stored; null where it has no row. */
  storeTableValues({ text, function: name, table: tableName, of }) {
    if (this.columns.has(text)) return;
    const table = this.model.tables.get(tableName);
    const rowValues = table.rows.map((row) => this.values(row)[0]);
    this.store(text, this.kindOf(of), valuesAt(name, table, rowValues, this.values(of)));
  }

  /** Store last year's values of a name for this year's rows, unless they are stored. */
  storePrevious(name) {
    const key = `previous(${name})`;
    if (this.columns.has(key)) return;
    const kind = this.before.kindOf(name);
    let values = this.before.values(name);
    if (kind === ORGANISATION) values = this.carried(name, values);
    else if (kind !== NATIONAL) {
      const column = kind.slice(3);
      const byLabel = new Map(this.before.groups.get(column).labels.map((label, row) => [label, values[row]]));
      values = this.groups.get(column).labels.map((label) => {
        if (!byLabel.has(label)) {
          throw new Refusal(`${this.place}: ${column} ${label} has no value in ${this.before.year}`);
        }
        return byLabel.get(label);
      });
    }
    this.store(key, kind, values);
  }

  /** Return last year's values for this year's organisations; money and people are added up over mergers. */
  carried(name, old) {
    const unit = this.model.units.get(name);
    const step = this.model.steps.find((each) => each.name === name);
    const isRunningTotal = Boolean(step && step.kernel && step.kernel.function === "running_total");
    return this.inputs.predecessors.map((rows, place) => {
      if (rows.length === 1) return old[rows[0]];
      const merged = rows.map((row) => this.before.codes[row]).join(", ");
      const where = `${this.place}, ${this.codes[place]}`;
      if ((unit !== "£" && unit !== "people") || isRunningTotal) {
        const valuesOf = isRunningTotal ? "running totals" : unit || "values with no unit";
        throw new Refusal(`${where}: previous(${name}) would add up ${valuesOf} of ${merged}, which merged; `
          + "only £ and people are added up over a merger, so calculate it from those");
      }
      if (rows.some((row) => old[row] === null)) {
        throw new Refusal(`${where}: ${name} of ${merged} is blank in ${this.before.year}`);
      }
      return sum(rows.map((row) => old[row]));
    });
  }

  // Kernels

  /** Return the values of a kernel's argument for every row of a kind, as exact fractions if they are known. */
  leaf(argument, kind) {
    if (typeof argument === "number") return Array(this.height(kind)).fill(argument);
    if (this.exact.has(argument) && this.kindOf(argument) === kind) return this.exact.get(argument);
    return this.filled(argument, kind);
  }

  /** Calculate a `share_out` step, and store its shares, amounts, unspent money, factors and rates. */
  storeShares(step, groups) {
    const { kernel, kind, name } = step;
    const amounts = this.amountsOf(step);
    const argument = (leaf) => (leaf === null ? null : this.leaf(leaf, kind));
    const options = { base: argument(kernel.base), atLeast: argument(kernel.atLeast), atMost: argument(kernel.atMost) };
    let shares;
    try {
      shares = shareOut(amounts, this.leaf(kernel.by, kind), options, groups);
    } catch (fault) {
      if (!(fault instanceof SharingRefusal)) throw fault;
      throw new Refusal(this.sharingProblem(step, fault));
    }
    this.store(name, kind, shares.exact.map(toFloat));
    this.exact.set(name, shares.exact);
    this.amounts.set(name, amounts.map(toFraction));
    this.unspent.set(name, shares.unspent);
    this.factors.set(name, shares.factors);
    this.rates.set(name, shares.rates);
  }

  /** Return the amounts that a `share_out` step shares: one for each group, or a single one without groups. */
  amountsOf({ kernel, kind }) {
    const { amount, within } = kernel;
    if (!within || typeof amount === "number" || this.kindOf(amount) === NATIONAL) {
      return Array(within ? this.height(`by ${within}`) : 1).fill(this.leaf(amount, NATIONAL)[0]);
    }
    if (this.kindOf(amount) === `by ${within}`) return this.leaf(amount, `by ${within}`);
    const members = this.members(kind, within);
    const amounts = [];
    this.leaf(amount, kind).forEach((value, row) => {
      const own = (amounts[members[row]] ??= value);
      if (difference(toFraction(own), toFraction(value)).top === 0n) return;
      const label = this.groups.get(within).labels[members[row]];
      const [first, other] = [own, value].map((each) => this.inUnit(each, this.model.units.get(amount)));
      throw new Refusal(`${this.place}, ${this.rowNames(kind)[row]}: ${amount} differs within ${within} ${label} `
        + `(${first} and ${other}); it is one amount for each ${within}`);
    });
    return amounts;
  }

  /** Return a number or a fraction as a figure of a message. */
  inUnit(value, unit) {
    return figure(typeof value === "number" ? value : toFloat(value), unit);
  }

  /** Return the message of a `share_out` step that cannot be calculated: the place, the reason and what to do. */
  sharingProblem(step, { reason, group, row, least, amount }) {
    const { kernel, kind, unit } = step;
    let place = this.place;
    if (kernel.within) place += `, ${kernel.within} ${this.groups.get(kernel.within).labels[group]}`;
    if (row !== undefined) place += `, ${this.rowNames(kind)[row]}`;
    const { texts } = kernel;
    switch (reason) {
      case "negative_weight":
        return `${place}: the weight ${texts.by} is negative; expected 0 or more`;
      case "crossed_bounds":
        return `${place}: at_least (${texts.atLeast}) is above at_most (${texts.atMost}); no amount fits both`;
      case "nothing_to_share_by":
        return `${place}: every weight ${texts.by} is 0, so ${this.inUnit(amount, unit)} cannot be shared out; `
          + "give at least one row a weight, or set at_most";
      default:
        return `${place}: ${texts.atLeast || texts.base || "0"} needs ${this.inUnit(least, unit)} in total, but `
          + `${texts.amount} is ${this.inUnit(amount, unit)}, ${this.inUnit(difference(least, amount), unit)} too little; `
          + "lower the floor or raise the amount";
    }
  }

  /** Calculate a `rounded` step, and store its values; a total too large to round exactly is refused. */
  storeRounded({ name, kind, kernel, unit }, groups, count) {
    const [top, bottom] = kernel.to;
    const to = { top: BigInt(top), bottom: BigInt(bottom) };
    const values = rounded(this.leaf(kernel.of, kind), to, groups, count);
    const whole = exactSum(values.map((value) => ({ top: sizeOf(value.top), bottom: value.bottom })));
    const most = product(to, { top: 10n ** 15n, bottom: 1n });
    if (difference(whole, most).top > 0n) {
      throw new Refusal(`${this.place}: ${kernel.of} adds up to ${this.inUnit(whole, unit)}; in units of `
        + `${shortest(toFloat(to))} rounding is exact up to ${this.inUnit(most, unit)} only; `
        + "lower it, or round to a larger unit");
    }
    this.store(name, kind, values.map(toFloat));
    this.exact.set(name, values);
  }
}
