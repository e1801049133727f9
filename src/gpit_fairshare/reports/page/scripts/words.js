/* Figures, nouns, lists and sentences, with the same texts as `numbers.py` and `words.py`. */

/** A text that begins with a name of a file or column. */
const FILE_NAME_FIRST = /^\S*[\p{L}\p{N}_][._/][\p{L}\p{N}_]/u;

// Decimals: {negative, digits, places} is digits / 10^places, with digits as a BigInt

/** Return a float as the decimal number of its shortest text: 0.1 is exactly 1/10. */
function shortestDecimal(number) {
  const [significand, power] = Math.abs(number).toExponential().split("e");
  const [whole, decimals = ""] = significand.split(".");
  const places = decimals.length - Number(power);
  return { negative: number < 0, digits: BigInt(whole + decimals), places };
}

/** Return a float's exact value rounded to a number of places, halves to even, as a decimal. */
function exactDecimal(number, places) {
  const { top, bottom } = toFraction(Math.abs(number));
  return { negative: number < 0, digits: halfToEven(top * 10n ** BigInt(places), bottom), places };
}

/** Return a decimal rounded to a number of places, which may be below 0; halves go away from zero, or to even. */
function roundDecimal(decimal, places, halvesToEven = false) {
  const shift = decimal.places - places;
  if (shift <= 0) return { ...decimal, digits: decimal.digits * 10n ** BigInt(-shift), places };
  const unit = 10n ** BigInt(shift);
  return { ...decimal, digits: (halvesToEven ? halfToEven : halfUp)(decimal.digits, unit), places };
}

/** Return the power of ten of the first digit of a decimal: 2 for 123. */
function leadingPower(decimal) {
  return String(decimal.digits).length - 1 - decimal.places;
}

/** Return a decimal rounded to a number of significant digits, halves to even; 96 to one digit becomes 100. */
function roundToDigits(decimal, count) {
  const extra = String(decimal.digits).length - count;
  return extra > 0 ? roundToDigits(roundDecimal(decimal, decimal.places - extra, true), count) : decimal;
}

/** Write digits with thousands separated. */
function groupThousands(digits) {
  return digits.replace(/\B(?=(?:[0-9]{3})+$)/g, ",");
}

/** Write the size of a decimal in full with all its places; its sign is left out. */
function sizeText(decimal, isGrouped = true) {
  const { digits, places } = decimal.places < 0 ? roundDecimal(decimal, 0) : decimal;
  const text = String(digits).padStart(places + 1, "0");
  const whole = text.slice(0, text.length - places);
  const decimals = places ? `.${text.slice(text.length - places)}` : "";
  return (isGrouped ? groupThousands(whole) : whole) + decimals;
}

/** Return a written number without zeros at the end of its decimals. */
function withoutEndZeros(text) {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

/** Return the sign of a decimal that is not 0. */
function minusOf(decimal) {
  return decimal.negative && decimal.digits ? "-" : "";
}

// Figures

/** Write pounds: `£140,000,000`, `-£450`; halves go away from zero, as in Excel. */
function money(amount, digits = 0) {
  const decimal = roundDecimal(shortestDecimal(amount), digits);
  return `${minusOf(decimal)}£${sizeText(decimal)}`;
}

/** Write £ per head to the penny: `£2.47`. */
function perHead(rate) {
  return money(rate, 2);
}

/** Write a change in pounds: `+£1,230`, `-£450`; zero has no sign. With 2 digits it is £ per head. */
function signed(amount, digits = 0) {
  const text = money(amount, digits);
  return amount > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** Write a ratio as a percentage with one decimal: 0.6634 is `66.3%`. */
function percentage(ratio) {
  const decimal = roundDecimal(shortestDecimal(Math.abs(ratio) * 100), 1);
  return `${ratio < 0 && decimal.digits ? "-" : ""}${sizeText(decimal)}%`;
}

/** Write a decimal with its sign and an exponent, one decimal in all: `+1.2e+6`. */
function withExponent(decimal) {
  const [first, second = "0"] = String(roundToDigits(decimal, 2).digits).slice(0, 2);
  const power = leadingPower(roundToDigits(decimal, 2));
  return `${decimal.negative ? "-" : "+"}${first}.${second}e${power < 0 ? "-" : "+"}${Math.abs(power)}`;
}

/**
 * Write the change that a ratio makes, 0.034 as `+3.4%`; a dash for null. One too small for a decimal has its first
 * digit (`-0.0003%`), a very large one an exponent.
 */
function percentChange(ratio) {
  if (ratio === null) return "–";
  const decimal = shortestDecimal(ratio * 100);
  const rounded = roundDecimal(decimal, 1);
  let text = "0.0";
  if (decimal.digits) {
    const visible = rounded.digits ? sizeText(rounded) : sizeText(roundToDigits(decimal, 1), false);
    text = `${decimal.negative ? "-" : "+"}${visible}`;
  }
  return `${text.length <= "+1,000,000.0".length ? text : withExponent(decimal)}%`;
}

/** Write a number without a unit, thousands separated, with at most three decimals: `1,234.5`. */
function plainNumber(value) {
  const text = withoutEndZeros(sizeText(exactDecimal(value, 3)));
  return value < 0 ? `-${text}` : text;
}

/** Write a number without decimals, thousands separated: `106,613`. */
function wholeNumber(value) {
  const text = sizeText(exactDecimal(value, 0));
  return value < 0 ? `-${text}` : text;
}

/** Write a number with the given function, or a dash if it is null. */
function orDash(value, write) {
  return value === null ? "–" : write(value);
}

/** Return a number rounded to whole pence, as Python's `round(number, 2)` does. */
function roundToPence(value) {
  const decimal = exactDecimal(value, 2);
  return Number(`${minusOf(decimal)}${sizeText(decimal, false)}`);
}

// Values of parameters

/** Return a number rounded to six digits, or to more if its whole part and these decimal places need them. */
function shortenDecimal(decimal, places) {
  return decimal.digits ? roundToDigits(decimal, Math.max(6, leadingPower(decimal) + 1 + places)) : decimal;
}

/** Write a parameter's value in its unit: `£20,000,000`, `£4,000.10`, `50%`, `33.3333%`, `0.25`; `full` in all digits. */
function parameterValue(value, unit, full = false) {
  const decimal = shortestDecimal(value);
  if (unit === "%") {
    const hundredfold = { ...decimal, places: decimal.places - 2 };
    const shown = full ? hundredfold : shortenDecimal(hundredfold, 2);
    return `${minusOf(decimal)}${withoutEndZeros(sizeText(shown, false))}%`;
  }
  let text = withoutEndZeros(sizeText(full ? decimal : shortenDecimal(decimal, 4)));
  const isMoney = (unit ?? "").startsWith("£");
  if (isMoney && /\.[0-9]$/.test(text)) text += "0"; // pounds and pence
  return `${minusOf(decimal)}${isMoney ? "£" : ""}${text}`;
}

/** Write two values of a parameter in its unit, in full if they would otherwise look equal. */
function parameterValues(before, now, unit) {
  const texts = [parameterValue(before, unit), parameterValue(now, unit)];
  return texts[0] !== texts[1] ? texts : [parameterValue(before, unit, true), parameterValue(now, unit, true)];
}

/** Write a value in £, £ per head, people or % with all its digits; in other units, or if a fraction, as typed. */
function writtenValue(number, unit, asTyped) {
  const isToThePenny = number === roundToPence(number);
  if (unit === "£" && isToThePenny) return money(number, Number.isInteger(number) ? 0 : 2);
  if (unit === "£ per head" && isToThePenny) return perHead(number);
  if (unit === "people" && Number.isInteger(number)) return wholeNumber(number);
  const hasUnit = ["£", "£ per head", "people", "%"].includes(unit);
  return hasUnit && !asTyped.includes("/") ? parameterValue(number, unit, true) : asTyped;
}

/** Write a number without needless zeros: `398372000`, `2.5`; very large and small ones as `1e-10`. */
function shortestText(decimal) {
  if (!decimal.digits) return "0";
  const power = leadingPower(decimal);
  if (power >= -9 && power < 21) return minusOf(decimal) + withoutEndZeros(sizeText(decimal, false));
  const digits = String(decimal.digits);
  const significand = withoutEndZeros(`${digits[0]}.${digits.slice(1)}`);
  return `${minusOf(decimal)}${significand}e${power < 0 ? "-" : "+"}${Math.abs(power)}`;
}

/** Write a number as `shortestText` does, with thousands separated unless it has an exponent. */
function groupedText(decimal) {
  const text = shortestText(decimal);
  if (text.includes("e")) return text;
  const [whole, decimals] = text.split(".");
  return groupThousands(whole) + (decimals === undefined ? "" : `.${decimals}`);
}

/** Write a float as Python does: `0.1`, `1e-05`, `100.0`. */
function floatText(number) {
  const [digits, power] = number.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  return Number.isInteger(number) ? `${number}.0` : String(number);
}

// Nouns, lists and sentences

/** Return a text on one line with single spaces, invisible characters as escapes, cut to `longest` characters. */
function oneLine(text, longest = 80) {
  const escape = (character) =>
    Array.from({ length: character.length }, (_, index) => character.charCodeAt(index).toString(16).padStart(4, "0"))
      .map((code) => `\\u${code}`)
      .join("");
  const line = [...text.trim().replace(/\s+/g, " ").replace(/[\p{C}\p{Zl}\p{Zp}]/gu, escape)];
  return line.length <= longest ? line.join("") : `${line.slice(0, longest - 1).join("")}…`;
}

/** Return the plural of an organisation's noun: `CCGs`, `practices`, `surgeries`; `rows` for an empty noun. */
function plural(noun) {
  if (!noun) return "rows";
  if (!/\p{Ll}$/u.test(noun)) return `${noun}s`; // an abbreviation: ICSs
  if (noun.endsWith("y") && !/[aeiou]y$/.test(noun) && noun.length > 1) return `${noun.slice(0, -1)}ies`;
  return /(?:s|x|z|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

/** Write a whole number with thousands separated. */
function wholeCount(number) {
  return groupThousands(String(number));
}

/** Write a count with its noun: `1 CCG`, `211 CCGs`. */
function counted(number, noun) {
  return `${wholeCount(number)} ${number === 1 ? noun : plural(noun)}`;
}

/** Return a label as written inside a sentence, with a small first letter: `historic spend`, but `GP IT spend`. */
function inside(label) {
  const [first = "", second = ""] = label;
  return /\p{Ll}/u.test(second) ? first.toLowerCase() + label.slice(first.length) : label;
}

/** Return a text with a capital first letter, as at the start of a sentence; a name such as `a.csv` is unchanged. */
function sentence(text) {
  const [first = ""] = text;
  return FILE_NAME_FIRST.test(text) ? text : first.toUpperCase() + text.slice(first.length);
}

/** Join texts as in a sentence, with `and` or another word before the last: `a, b and c`; empty if none. */
function joined(texts, word = "and") {
  return texts.length > 1 ? `${texts.slice(0, -1).join(", ")} ${word} ${texts.at(-1)}` : (texts[0] ?? "");
}

/** Join texts as `joined` does; of a long list, count the others: `a, b and 7 more`; an empty list is `none`. */
function listed(texts, most = 12) {
  const more = texts.length > most ? [`${wholeCount(texts.length - most)} more`] : [];
  return joined([...texts.slice(0, most), ...more]) || "none";
}

/** Write years: `2014/15`, `2014/15 and 2015/16`, `2014/15 to 2023/24`, or `every year` if they are all in `whole`. */
function span(years, whole = []) {
  if (years.length > 1 && years.join() === whole.join()) return "every year";
  const isUnbroken = years.every((year, index) => Number(year.slice(0, 4)) === Number(years[0].slice(0, 4)) + index);
  return isUnbroken && years.length > 2 ? `${years[0]} to ${years.at(-1)}` : joined(years);
}
