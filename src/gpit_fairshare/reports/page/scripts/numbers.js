// Exact numbers: floats as fractions and back, sums without error, and numbers as people write them.
// A fraction is {top, bottom}: two BigInts, the bottom above 0.

/** What the engine refuses, in its own words. */
class Refusal extends Error {}

const FLOAT = new DataView(new ArrayBuffer(8));

/** Return a finite number as a fraction, exactly; a fraction is returned unchanged. */
function toFraction(number) {
  if (typeof number !== "number") return number;
  if (Number.isSafeInteger(number)) return { top: BigInt(number), bottom: 1n };
  FLOAT.setFloat64(0, number);
  const bits = FLOAT.getBigUint64(0);
  const power = Number((bits >> 52n) & 0x7ffn);
  let top = (bits & 0xfffffffffffffn) | (power ? 0x10000000000000n : 0n);
  let exponent = (power || 1) - 1075;
  for (; exponent < 0 && !(top & 1n); exponent += 1) top >>= 1n;
  const signed = bits >> 63n ? -top : top;
  return exponent < 0 ? { top: signed, bottom: 1n << BigInt(-exponent) } : { top: signed << BigInt(exponent), bottom: 1n };
}

/** Return 2 to a power from -1074 to 1023, exactly. */
function powerOfTwo(power) {
  FLOAT.setBigUint64(0, power >= -1022 ? BigInt(power + 1023) << 52n : 1n << BigInt(power + 1074));
  return FLOAT.getFloat64(0);
}

/** Return the number of bits of a BigInt that is not negative. */
function bitLength(size) {
  const digits = size.toString(16);
  return 4 * digits.length - Math.clz32(parseInt(digits[0], 16)) + 28;
}

/** Return top / bottom rounded to a whole number, halves to the even one; neither is negative. */
function halfToEven(top, bottom) {
  const whole = top / bottom;
  const twice = 2n * (top % bottom);
  return twice > bottom || (twice === bottom && whole & 1n) ? whole + 1n : whole;
}

/** Return the whole number nearest to top / bottom, which may be negative; the higher one if two are equally near. */
function halfUp(top, bottom) {
  return floorDivided(2n * top + bottom, 2n * bottom);
}

/** Return top / bottom rounded down, as Python's //; the bottom is above 0. */
function floorDivided(top, bottom) {
  const whole = top / bottom;
  return top % bottom < 0n ? whole - 1n : whole;
}

/** Return the number nearest to a fraction, of two the even one; Infinity if it is too large. */
function toFloat({ top, bottom }) {
  if (top === 0n) return 0;
  const size = top < 0n ? -top : top;
  // So many bits to the left that the quotient has 53 bits, or fewer where floats have fewer.
  let shift = 53 - bitLength(size) + bitLength(bottom);
  if (shift > 1074) shift = 1074;
  let quotient = shifted(size, bottom, shift);
  if (bitLength(quotient) > 53) {
    shift -= 1;
    quotient = shifted(size, bottom, shift);
  }
  if (shift < -971) return top < 0n ? -Infinity : Infinity;
  // Two steps, because 2 to the power of -1074 and below is not a float that others can be multiplied by exactly.
  const number = shift > 1022 ? Number(quotient) * powerOfTwo(-1022) * powerOfTwo(1022 - shift)
    : Number(quotient) * powerOfTwo(-shift);
  return top < 0n ? -number : number;
}

/** Return size · 2^shift / bottom, rounded to a whole number, halves to the even one. */
function shifted(size, bottom, shift) {
  return shift >= 0 ? halfToEven(size << BigInt(shift), bottom) : halfToEven(size, bottom << BigInt(-shift));
}

/** Return the sum of numbers, correctly rounded, in any order: the algorithm of Python's math.fsum. */
function sum(numbers) {
  const partials = [];
  for (let number of numbers) {
    let count = 0;
    for (let partial of partials) {
      if (Math.abs(number) < Math.abs(partial)) [number, partial] = [partial, number];
      const high = number + partial;
      const low = partial - (high - number);
      if (low) {
        partials[count] = low;
        count += 1;
      }
      number = high;
    }
    partials.length = count;
    partials.push(number);
  }
  let high = 0;
  while (partials.length) {
    const before = high;
    const partial = partials.pop();
    high = before + partial;
    const low = partial - (high - before);
    if (!low) continue;
    // The rest lies on the side of the last partial: half of a last digit is then more than half.
    const next = partials[partials.length - 1];
    if ((low < 0 && next < 0) || (low > 0 && next > 0)) {
      const twice = low * 2;
      const other = high + twice;
      if (other - high === twice) high = other;
    }
    break;
  }
  return high;
}

/** Return the greatest common divisor of two BigInts above 0. */
function commonDivisor(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}

/** Return columns of numbers or fractions as whole numbers over one common denominator, and the denominator. */
function wholeNumbers(...columns) {
  const fractions = columns.map((column) => column.map(toFraction));
  let common = 1n;
  for (const bottom of new Set(fractions.flatMap((column) => column.map((figure) => figure.bottom)))) {
    common = (common / commonDivisor(common, bottom)) * bottom;
  }
  const factors = new Map();
  const factor = (bottom) => {
    if (!factors.has(bottom)) factors.set(bottom, common / bottom);
    return factors.get(bottom);
  };
  return { columns: fractions.map((column) => column.map(({ top, bottom }) => top * factor(bottom))), common };
}

/** Return the sum of numbers or fractions as a fraction, exactly. */
function exactSum(figures) {
  const { columns: [tops], common } = wholeNumbers(figures);
  return { top: tops.reduce((total, top) => total + top, 0n), bottom: common };
}

/** Return the product of two fractions. */
function product(a, b) {
  return { top: a.top * b.top, bottom: a.bottom * b.bottom };
}

/** Return the difference of two fractions. */
function difference(a, b) {
  return { top: a.top * b.bottom - b.top * a.bottom, bottom: a.bottom * b.bottom };
}

const WRITTEN_NUMBER =
  /^([+-]?)(?:([0-9]+)\/([0-9]+)|([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,4}))?)\s*(%?)$/;
const LARGEST = 1e50;
const SMALLEST = 1e-50;
const BOUNDS = "numbers must be 0 or between 1e-50 and 1e50, ignoring the sign";

/** Return the exact fraction that a text is: `1500000`, `0.5`, `1e6`, `5%`, `1/6`; null if it is none. */
function readFraction(text) {
  const match = text.length <= 1000 && WRITTEN_NUMBER.exec(text.replace(/([0-9])_(?=[0-9])/g, "$1").trim());
  if (!match) return null;
  const [, sign, top, bottom, decimal, exponent, percent] = match;
  let fraction;
  if (bottom !== undefined) {
    if (!BigInt(bottom)) return null;
    fraction = { top: BigInt(top), bottom: BigInt(bottom) };
  } else {
    const [whole, decimals = ""] = decimal.split(".");
    const power = BigInt(exponent || 0) - BigInt(decimals.length);
    const digits = BigInt(whole + decimals);
    fraction = power < 0n ? { top: digits, bottom: 10n ** -power } : { top: digits * 10n ** power, bottom: 1n };
  }
  return { top: sign === "-" ? -fraction.top : fraction.top, bottom: fraction.bottom * (percent ? 100n : 1n) };
}

/** Return the number that a text is; one that is none, too large or too small is refused in gpit's words. */
function readNumber(text) {
  const label = quoted(text).slice(0, 80);
  const fraction = readFraction(text);
  if (!fraction) throw new Refusal(`${label} is not a number; write ${inPlainDigits(text)}`);
  const number = toFloat(fraction);
  if (!Number.isFinite(number)) throw new Refusal(`${label} is too large or not a number; write a finite number`);
  if (number !== 0 && !(Math.abs(number) >= SMALLEST && Math.abs(number) <= LARGEST)) {
    throw new Refusal(`${label} is too ${Math.abs(number) > 1 ? "large" : "small"}; ${BOUNDS}`);
  }
  return number + 0;
}

/** Return a text in quotation marks, as Python shows it. */
function quoted(text) {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t");
  return mark + (mark === "'" ? escaped.replace(/'/g, "\\'") : escaped) + mark;
}

const AMOUNT =
  /^([-+−–]?)\s?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(\.[0-9]+)?\s?(?:(k|thousand)|(mn?|million)|(bn|billion))?\s?(%?)$/i;

/** Return what to write in place of a text that is no number: an amount in its digits, or else examples. */
function inPlainDigits(text) {
  const match = text.length <= 25 && AMOUNT.exec(text.replaceAll("£", "").trim());
  if (!match) return "1500000, 0.5, 5% or 1/6";
  const [, sign, digits, decimals = "", thousands, millions, billions, percent] = match;
  const zeros = thousands ? 3 : millions ? 6 : billions ? 9 : 0;
  const fraction = decimals.slice(1).padEnd(zeros, "0");
  const whole = digits.replaceAll(",", "") + fraction.slice(0, zeros);
  const left = decimals.length - 1 > zeros ? `.${fraction.slice(zeros)}` : "";
  const isLongMinus = sign === "−" || sign === "–";
  const reason = isLongMinus ? "with - as its minus" : "without £, commas and letters";
  return `${isLongMinus ? "-" : sign}${whole.replace(/^0+(?=[0-9])/, "")}${left}${percent}, ${reason}`;
}

/** Return a figure for a message: thousands separated, pence only if there are any, £ before money, yes or no. */
function figure(value, unit) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  const { top, bottom } = toFraction(value);
  const pence = halfToEven((top < 0n ? -top : top) * 100n, bottom).toString().padStart(3, "0");
  const whole = pence.slice(0, -2).replace(/\B(?=([0-9]{3})+$)/g, ",");
  const decimals = pence.endsWith("00") ? "" : `.${pence.slice(-2)}`;
  return `${top < 0n ? "-" : ""}${unit && unit.startsWith("£") ? "£" : ""}${whole}${decimals}`;
}

/** Return a number in six significant digits at most, as Python's format `g`: `1e+51`. */
function shortest(number) {
  if (number === 0) return "0";
  let exponent = Number(number.toExponential().split("e")[1]);
  const { top, bottom } = toFraction(Math.abs(number));
  const places = 5 - exponent;
  const digits = places >= 0 ? halfToEven(top * 10n ** BigInt(places), bottom)
    : halfToEven(top, bottom * 10n ** BigInt(-places));
  let text = digits.toString().padStart(6, "0");
  if (text.length > 6) exponent += 1; // 999999.9 becomes a million
  text = text.slice(0, 6);
  const sign = number < 0 ? "-" : "";
  if (exponent < -4 || exponent >= 6) {
    const mantissa = `${text[0]}.${text.slice(1)}`.replace(/\.?0+$/, "");
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  text = exponent < 0 ? `0.${"0".repeat(-exponent - 1)}${text}` : `${text.slice(0, exponent + 1)}.${text.slice(exponent + 1)}`;
  return sign + text.replace(/\.?0*$/, "");
}
