// What Math has not. Accuracy: a few units in the last place, unless said otherwise.

export function clamp(low, x, high) {
  return x < low ? low : x > high ? high : x;
}

// IEEE 754 pow: Math.pow gives NaN for 1 ** NaN and (-1) ** Infinity.
export function power(x, y) {
  if (x === 1 || (x === -1 && Math.abs(y) === Infinity)) return 1;
  return x ** y;
}

export function roundAway(x) {
  return Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
}

export function roundEven(x) {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

const bits = new DataView(new ArrayBuffer(8));

export function nextAfter(x, towards) {
  if (Number.isNaN(x) || Number.isNaN(towards)) return NaN;
  if (x === towards) return towards;
  if (x === 0) return towards > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  bits.setFloat64(0, x);
  bits.setBigInt64(0, bits.getBigInt64(0) + (towards > x === x > 0 ? 1n : -1n));
  return bits.getFloat64(0);
}

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

// exp(-x^2) with the square in two parts, so that its rounding is not multiplied by x^2.
function expOfMinusSquare(x) {
  const head = Math.round(x * 16) / 16;
  return Math.exp(-head * head) * Math.exp(-(x - head) * (x + head));
}

// Abramowitz and Stegun (1964), 7.1.6: all terms have one sign.
function erfBySeries(x) {
  let term = x;
  let sum = x;
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(sum); k++) {
    term *= (2 * x * x) / (2 * k + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * expOfMinusSquare(x) * sum;
}

// Abramowitz and Stegun (1964), 7.1.14, from its tail; the closer to zero, the more terms it takes.
function erfcByFraction(x) {
  let tail = x;
  for (let k = Math.ceil(20 + 250 / (x * x)); k >= 1; k--) tail = x + k / 2 / tail;
  return expOfMinusSquare(x) / (Math.sqrt(Math.PI) * tail);
}

export function erf(x) {
  if (Number.isNaN(x)) return NaN;
  if (x === 0) return x;
  const size = Math.abs(x);
  if (size < 2) return erfBySeries(x);
  return Math.sign(x) * (size > 6 ? 1 : 1 - erfcByFraction(size));
}

export function erfc(x) {
  if (Number.isNaN(x)) return NaN;
  if (x < 1.5) return 1 - erf(x);
  if (x > 27.5) return 0;
  return erfcByFraction(x);
}

// Winitzki (2008), A handy approximation for the error function and its inverse, for a start; then Halley's iteration.
export function erfInv(y) {
  if (!(Math.abs(y) <= 1)) return NaN;
  if (Math.abs(y) === 1) return y * Infinity;
  if (y === 0) return y;
  const size = Math.abs(y);
  const logarithm = Math.log1p(-size * size);
  const half = 2 / (Math.PI * 0.147) + logarithm / 2;
  let x = Math.sqrt(Math.sqrt(half * half - logarithm / 0.147) - half);
  for (let k = 0; k < 4; k++) {
    const error = size > 0.5 ? 1 - size - erfc(x) : erf(x) - size;
    const step = error / (TWO_OVER_SQRT_PI * expOfMinusSquare(x));
    x -= step / (1 + x * step);
  }
  return Math.sign(y) * x;
}

// Lanczos (1964) with g = 7 and nine terms.
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

export function lgamma(x) {
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lgamma(1 - x);
  if (x === 1 || x === 2) return 0;
  let sum = LANCZOS[0];
  for (let k = 1; k < 9; k++) sum += LANCZOS[k] / (x - 1 + k);
  const t = x + 6.5;
  return Math.log(2 * Math.PI) / 2 + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

// Abramowitz and Stegun (1964), 6.3.5, 6.3.7 and 6.3.18.
export function digamma(x) {
  if (x <= 0 && Math.floor(x) === x) return NaN;
  if (x < 0) return digamma(1 - x) - Math.PI / Math.tan(Math.PI * x);
  let shifted = x;
  let sum = 0;
  for (; shifted < 10; shifted += 1) sum -= 1 / shifted;
  const s = 1 / (shifted * shifted);
  const series = s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132 - (s * 691) / 32760)))));
  return sum + Math.log(shifted) - 0.5 / shifted - series;
}
