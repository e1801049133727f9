// The arithmetic of the formula language: comparisons, rounding, tables, and the kernels, which are exact.
// It repeats sharing.py, ordering.py, language/tables.py and language/in_polars.py, function by function.

// Operators and functions of one row ------------------------------------------------------------------------------

/** Thrown where a formula has no value: a division by zero, a blank, a number that is not finite. */
const UNDEFINED = { name: "undefined value" };

/** Return a value that must not be blank. */
function filled(value) {
  if (value === null || value === undefined) throw UNDEFINED;
  return value;
}

/** Return a quotient; by 0 it is undefined. */
function divided(left, right) {
  if (right === 0) throw UNDEFINED;
  return left / right;
}

/** Return whether both, or all, are true; unlike && all are calculated first, as in a spreadsheet. */
function all(...conditions) {
  return conditions.every(Boolean);
}

/** Return whether one of them is true; unlike || all are calculated first. */
function any(...conditions) {
  return conditions.some(Boolean);
}

/** Return whether x is above y, where what is not a number is above everything, as in Polars. */
function isGreater(x, y) {
  return x > y || (Number.isNaN(x) && !Number.isNaN(y));
}

/** Return the margin within which two numbers are equal: 1e-12 · max(1, |a|, |b|). */
function margin(a, b) {
  return 1e-12 * largest(1, Math.abs(a), Math.abs(b));
}

/** Return whether a is above b by more than the margin. */
function isAbove(a, b) {
  return isGreater(a - b, margin(a, b));
}

/** Return whether a is not below b by more than the margin. */
function isAtLeast(a, b) {
  return !isGreater(-margin(a, b), a - b);
}

/** Return whether a is below b by more than the margin. */
function isBelow(a, b) {
  return isGreater(-(a - b), margin(a, b));
}

/** Return whether a is not above b by more than the margin. */
function isAtMost(a, b) {
  return !isGreater(-margin(a, b), -(a - b));
}

/** Return whether two numbers are equal within the margin. */
function isSame(a, b) {
  return !isGreater(Math.abs(a - b), margin(a, b));
}

/** Return whether two numbers differ by more than the margin. */
function isDifferent(a, b) {
  return isGreater(Math.abs(a - b), margin(a, b));
}

/** Return the largest of some numbers, leaving out what is not a number, as Polars does. */
function largest(...numbers) {
  return numbers.reduce((best, number) => (number > best || Number.isNaN(best) ? number : best));
}

/** Return the smallest of some numbers, leaving out what is not a number, as Polars does. */
function smallest(...numbers) {
  return numbers.reduce((best, number) => (number < best || Number.isNaN(best) ? number : best));
}

/** Return x, but at least `low` and at most `high`; if low is above high, low. */
function clip(x, low, high) {
  return largest(low, smallest(x, high));
}

const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16];
const BELOW_HALF = 0.49999999999999994;
/** The smallest floats whose logarithm to base 10, as Polars calculates it, is 0, 1, 2 and so on. */
const REACHES_POWER = [1, 10, 99.99999999999999, 999.9999999999994, 9999.999999999996, 99999.99999999991,
  999999.999999999, 9999999.99999999, 99999999.99999991, 999999999.9999979, 9999999999.99998, 99999999999.9998,
  999999999999.9979, 9999999999999.98];

/** Return a number from 0.5 to 2^42 rounded to 15 significant digits, halves away from 0, as Polars rounds it. */
function toFifteenDigits(number) {
  let power = 0;
  while (power < REACHES_POWER.length && number >= REACHES_POWER[power]) power += 1;
  const scale = POWERS[15 - power];
  const scaled = number * scale;
  const whole = Math.floor(scaled);
  return (scaled - whole >= 0.5 ? whole + 1 : whole) / scale;
}

/** Return a number rounded to decimals, halves away from 0; negative `digits` round to tens, hundreds and so on. */
function round(value, digits) {
  const size = Math.abs(value);
  if (digits === 0) return Math.sign(value) * Math.floor(size + BELOW_HALF);
  const scale = POWERS[Math.abs(digits)];
  const scaled = digits > 0 ? size * scale : size / scale;
  if (digits > 0 && !(scaled < 2 ** 52)) return value;
  const whole = scaled < 2 ** 41 ? Math.floor(toFifteenDigits(scaled + 0.5)) : Math.floor(scaled + BELOW_HALF);
  return Math.sign(value) * (digits > 0 ? whole / scale : whole * scale);
}

/** Return a number rounded to decimals towards 0, or `up` away from 0; noise of floats is no reason to round. */
function roundOneWay(value, digits, up) {
  const size = Math.abs(value);
  const scale = POWERS[Math.abs(digits)];
  const scaled = digits >= 0 ? size * scale : size / scale;
  if (!(scaled < 2 ** 52)) return value;
  const noise = Math.min(scaled * 1e-13, 0.1);
  const whole = up ? Math.ceil(scaled - noise) : Math.floor(scaled + noise);
  return Math.sign(value) * (digits >= 0 ? whole / scale : whole * scale);
}

/** Return x to the power of n; 0 only has one to a power above 0. */
function power(x, n) {
  return finite(x !== 0 || n > 0 ? x ** n : NaN);
}

/** Return a number that must be finite. */
function finite(number) {
  if (!Number.isFinite(number)) throw UNDEFINED;
  return number;
}

// Tables ----------------------------------------------------------------------------------------------------------

/** Return whether a number is at or above an edge, within the margin of comparisons. */
function hasReached(x, edge) {
  return x - edge >= -1e-12 * Math.max(1, Math.abs(x), Math.abs(edge));
}

/**
 * Return what a function of tables gives for each text or number; null if the table has no row or band for it.
 * A table is {keys, end, hasOtherwise}; `rowValues` are the values of its rows, in order.
 */
function valuesAt(name, table, rowValues, keys) {
  const positions = new Map(table.keys.map((key, row) => [key, row]));
  const edges = table.keys;
  const sums = [0];
  for (let row = 0; row + 1 < edges.length; row += 1) {
    sums.push(sums[row] + (edges[row + 1] - edges[row]) * rowValues[row]);
  }
  return keys.map((key) => {
    if (key === null) return null;
    if (typeof key === "string") {
      const row = positions.has(key) ? positions.get(key) : table.hasOtherwise ? edges.length : null;
      return row === null ? null : rowValues[row];
    }
    let reached = 0;
    while (reached < edges.length && (edges[reached] <= key || hasReached(key, edges[reached]))) reached += 1;
    let isOutside = !reached || (table.end !== null && hasReached(key, table.end));
    if (name === "band_line" && reached === edges.length) isOutside ||= !hasReached(edges[reached - 1], key);
    if (isOutside) return null;
    const row = reached - 1;
    if (name === "band_value") return rowValues[row];
    const above = Math.max(key - edges[row], 0);
    if (name === "band_sum") return sums[row] + above * rowValues[row];
    if (row + 1 === edges.length) return rowValues[row];
    return rowValues[row] + (above * (rowValues[row + 1] - rowValues[row])) / (edges[row + 1] - edges[row]);
  });
}

// Order -----------------------------------------------------------------------------------------------------------

/** Return the row numbers of each group, from group 0 to `count` - 1; all rows in one group if `groups` is null. */
function rowsByGroup(groups, rows, count) {
  if (groups === null) return [Array.from({ length: rows }, (_, row) => row)];
  const rowsOf = Array.from({ length: count }, () => []);
  groups.forEach((group, row) => rowsOf[group].push(row));
  return rowsOf;
}

/** Return a number as `rank` compares it: in 15 and then in 12 significant digits, halves away from 0. */
function compared(number) {
  if (number === 0) return 0;
  const [digits, exponent] = Math.abs(number).toExponential().split("e");
  let whole = BigInt(digits.replace(".", ""));
  let power = Number(exponent) - (digits.length > 1 ? digits.length - 2 : 0);
  for (const most of [15, 12]) {
    const excess = whole.toString().length - most;
    if (excess > 0) {
      whole = halfUp(whole, 10n ** BigInt(excess));
      power += excess;
    }
  }
  return Math.sign(number) * Number(`${whole}e${power}`);
}

/** Return the rank of each row within its group: 1 for the largest; of equal values the earlier row is first. */
function ranks(values, groups, count) {
  const places = Array(values.length).fill(0);
  const sizes = values.map((value) => compared(typeof value === "number" ? value : toFloat(value)));
  for (const rows of rowsByGroup(groups, values.length, count)) {
    const inOrder = [...rows].sort((a, b) => sizes[b] - sizes[a] || a - b);
    inOrder.forEach((row, place) => {
      places[row] = place + 1;
    });
  }
  return places;
}

/** Return for each row the exact sum of values over the rows of its group whose rank is not above its own. */
function runningTotals(values, places, groups, count) {
  const { columns: [tops], common } = wholeNumbers(values);
  const totals = [];
  for (const rows of rowsByGroup(groups, values.length, count)) {
    let total = 0n;
    for (const row of [...rows].sort((a, b) => places[a] - places[b])) {
      total += tops[row];
      totals[row] = { top: total, bottom: common };
    }
  }
  return totals;
}

// Money -----------------------------------------------------------------------------------------------------------

const PARTS_OF_TOLERANCE = 10n ** 12n;
const MILLION = 10n ** 6n;

/** Why money cannot be shared out, with the group, and the row or the amounts. */
class SharingRefusal extends Error {
  constructor(reason, facts) {
    super(reason);
    this.reason = reason;
    Object.assign(this, facts);
  }
}

/** Return a BigInt without its sign. */
function sizeOf(figure) {
  return figure < 0n ? -figure : figure;
}

/** Return whether a is above b by more than the tolerance, both in units of 1/`unit`. */
function isAboveExactly(a, b, unit) {
  let most = unit;
  for (const size of [sizeOf(a), sizeOf(b)]) if (size > most) most = size;
  return (a - b) * PARTS_OF_TOLERANCE > most;
}

/** Return the sum of BigInts. */
function total(figures) {
  return figures.reduce((sumSoFar, figure) => sumSoFar + figure, 0n);
}

/** Return figures limited by the floors and ceilings of a pot; the figures are `times` as large as those. */
function clipped(pot, figures, times = 1n) {
  return figures.map((figure, place) => {
    let share = figure;
    if (pot.floors && share < pot.floors[place] * times) share = pot.floors[place] * times;
    if (pot.ceilings && share > pot.ceilings[place] * times) share = pot.ceilings[place] * times;
    return share;
  });
}

/** Return the figures of one group as whole numbers; negative weights and crossed bounds within noise are corrected. */
function makePot(group, rows, amount, by, options) {
  const taken = (column) => rows.map((row) => column[row]);
  const { columns: [weights], common: weight } = wholeNumbers(taken(by));
  const money = [options.base, options.atLeast, options.atMost].map((column) => (column ? taken(column) : []));
  const { columns: [[whole], base, floors, ceilings], common: pound } = wholeNumbers([amount], ...money);
  weights.forEach((figure, place) => {
    if (figure >= 0n) return;
    if (isAboveExactly(0n, figure, weight)) throw new SharingRefusal("negative_weight", { group, row: rows[place] });
    weights[place] = 0n;
  });
  if (options.atLeast && options.atMost) {
    floors.forEach((low, place) => {
      if (low <= ceilings[place]) return;
      if (isAboveExactly(low, ceilings[place], pound)) {
        throw new SharingRefusal("crossed_bounds", { group, row: rows[place] });
      }
      ceilings[place] = low;
    });
  }
  return {
    group, pound, weight, weights, amount: whole, base: options.base ? base : rows.map(() => 0n),
    floors: options.atLeast ? floors : null, ceilings: options.atMost ? ceilings : null,
  };
}

/** Return the shares of one group, its unspent money, its factor and its rate; see `Shares` of sharing.py. */
function sharePot(pot) {
  const inPounds = (figure) => ({ top: figure, bottom: pot.pound });
  const least = clipped(pot, pot.base);
  const leastTotal = total(least);
  let most = null;
  if (pot.ceilings) most = pot.ceilings.map((high, place) => (pot.weights[place] ? high : least[place]));
  else if (!pot.weights.some(Boolean)) most = least;
  const mostTotal = most && total(most);
  if (most && mostTotal <= pot.amount) {
    if (pot.weights.length && !pot.ceilings && isAboveExactly(pot.amount, leastTotal, pot.pound)) {
      throw new SharingRefusal("nothing_to_share_by", { group: pot.group, amount: inPounds(pot.amount) });
    }
    return { shares: most.map(inPounds), unspent: inPounds(pot.amount - mostTotal), factor: null, rate: null };
  }
  const hasRate = !most || isAboveExactly(mostTotal, pot.amount, pot.pound);
  if (leastTotal >= pot.amount) {
    if (isAboveExactly(leastTotal, pot.amount, pot.pound)) {
      const facts = { group: pot.group, least: inPounds(leastTotal), amount: inPounds(pot.amount) };
      throw new SharingRefusal("floors_exceed_amount", facts);
    }
    const isFixed = most && most.every((figure, place) => figure === least[place]);
    const factor = isFixed ? null : inPounds(0n);
    return { shares: least.map(inPounds), unspent: inPounds(0n), factor, rate: hasRate ? factor : null };
  }
  const { rise, run, lowest } = findFactor(pot, leastTotal);
  const shares = clipped(pot, pot.base.map((base, place) => base * run + rise * pot.weights[place]), run);
  const parts = pot.pound * run;
  const factor = { top: rise * pot.weight, bottom: parts };
  let rate = factor;
  if (lowest) {
    const other = { top: lowest.top * pot.weight, bottom: lowest.bottom * pot.pound };
    if (difference(other, factor).top < 0n) rate = other;
  }
  return {
    shares: shares.map((share) => ({ top: share, bottom: parts })),
    unspent: inPounds(0n), factor, rate: hasRate ? rate : null,
  };
}

/**
 * Return money per unit of weight as rise / run, for an amount above the minimum and below the maximum, and the
 * smallest turning point, or 0, that spends the amount within the tolerance. The line is followed from turning point to
 * turning point, in whole numbers, as `_factor` of sharing.py does.
 */
function findFactor(pot, leastTotal) {
  const heaviest = pot.weights.reduce((most, weight) => (weight > most ? weight : most), 0n);
  const shift = BigInt(2 * bitLength(heaviest));
  const turns = [];
  pot.weights.forEach((weight, place) => {
    const base = pot.base[place];
    const start = pot.floors && pot.floors[place] > base ? pot.floors[place] : base;
    if (!weight || (pot.ceilings && start >= pot.ceilings[place])) return;
    turns.push([floorDivided((start - base) << shift, weight), start - base, weight]);
    if (pot.ceilings) {
      const height = pot.ceilings[place] - base;
      turns.push([floorDivided(height << shift, weight), height, -weight]);
    }
  });
  turns.sort((a, b) => {
    const field = a.findIndex((figure, index) => figure !== b[index]);
    return field < 0 ? 0 : a[field] < b[field] ? -1 : 1;
  });
  let level = leastTotal;
  let slope = 0n;
  let lowest = isAboveExactly(pot.amount, leastTotal, pot.pound) ? null : { top: 0n, bottom: 1n };
  for (const [, height, weight] of turns) {
    const reach = sizeOf(weight);
    const spent = level * reach + slope * height;
    const due = pot.amount * reach;
    if (!lowest && !isAboveExactly(due, spent, pot.pound * reach)) lowest = { top: height, bottom: reach };
    if (spent >= due) break;
    slope += weight;
    level -= weight > 0n ? height : -height;
  }
  return { rise: pot.amount - level, run: slope, lowest };
}

/**
 * Share out each group's amount in proportion to `by`, on top of `base`, between floors and ceilings, exactly.
 * Columns have a number or fraction for each row, `amounts` one for each group; `groups` is null for one group.
 */
function shareOut(amounts, by, options, groups) {
  const exact = Array(by.length);
  const result = { exact, unspent: [], factors: [], rates: [] };
  rowsByGroup(groups, by.length, amounts.length).forEach((rows, group) => {
    const { shares, unspent, factor, rate } = sharePot(makePot(group, rows, amounts[group], by, options));
    rows.forEach((row, place) => {
      exact[row] = shares[place];
    });
    result.unspent.push(unspent);
    result.factors.push(factor);
    result.rates.push(rate);
  });
  return result;
}

/** Round to whole multiples of `to`, a fraction, by largest remainder, so that each group adds up to its rounded total. */
function rounded(values, to, groups, count) {
  const multiples = Array(values.length);
  for (const rows of rowsByGroup(groups, values.length, count)) {
    const { columns: [figures], common } = wholeNumbers(rows.map((row) => values[row]));
    const unit = common * to.top;
    const scaled = figures.map((figure) => figure * to.bottom);
    const wholes = scaled.map((figure) => floorDivided(figure, unit));
    const millionths = scaled.map((figure, place) => halfUp((figure - wholes[place] * unit) * MILLION, unit));
    const whole = halfUp(halfUp(total(scaled) * MILLION, unit), MILLION);
    const places = rows.map((_, place) => place);
    places.sort((a, b) => (millionths[a] === millionths[b] ? a - b : millionths[a] > millionths[b] ? -1 : 1));
    for (const place of places.slice(0, Number(whole - total(wholes)))) wholes[place] += 1n;
    rows.forEach((row, place) => {
      multiples[row] = { top: wholes[place] * to.top, bottom: to.bottom };
    });
  }
  return multiples;
}

// Figures over rows -----------------------------------------------------------------------------------------------

/** Return how many values of a yes/no column are yes. */
function countOf(conditions) {
  return conditions.filter(Boolean).length;
}

/** Return the largest value of a column. */
function largestOf(values) {
  return values.reduce((best, value) => (value > best ? value : best));
}

/** Return the smallest value of a column. */
function smallestOf(values) {
  return values.reduce((best, value) => (value < best ? value : best));
}
