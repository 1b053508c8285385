// What Math has not. Accuracy: a few units in the last place, of the larger of a result and its terms where it has zeros.

// Whole numbers of 64 bits, by way of big ones.
export function long(f, a, b) {
  return Number(BigInt.asIntN(64, f(BigInt(a), BigInt(b))));
}

// IEEE 754 pow: Math.pow gives NaN for 1 ** NaN and (-1) ** Infinity.
export function power(x, y) {
  if (x === 1 || (x === -1 && Math.abs(y) === Infinity)) return 1;
  return x ** y;
}

export function roundAway(x) {
  const whole = Math.trunc(x);
  return Math.abs(x - whole) >= 0.5 ? whole + Math.sign(x) : whole;
}

// Beyond 2 ** 52 there are whole numbers only.
export function roundEven(x) {
  if (!(Math.abs(x) < 2 ** 52)) return x;
  const rounded = Math.abs(x) + 2 ** 52 - 2 ** 52;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
}

export function logAddExp(a, b) {
  if (a === b) return a + Math.LN2;
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
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

// Abramowitz and Stegun (1964), 7.1.6, for |x| < 1/2: all terms have one sign.
function erfBySeries(x) {
  let term = x;
  let sum = x;
  for (let k = 1; k <= 12; k++) {
    term *= (2 * x * x) / (2 * k + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * Math.exp(-x * x) * sum;
}

// The trapezoidal rule with step 1/2, and the pole between its line and the real one: Chiarella and Reichel (1968), On the
// evaluation of integrals related to the error function. For x >= 1/2 the error is below exp(-4 pi^2) = 7e-18.
const WEIGHTS = Float64Array.from({ length: 13 }, (_, k) => Math.exp(-((k / 2) ** 2)));

function erfcByTrapezoids(x) {
  let sum = 0;
  for (let k = 12; k >= 1; k--) sum += WEIGHTS[k] / (k * k / 4 + x * x);
  const pole = x < 6 ? 2 / Math.expm1(4 * Math.PI * x) : 0;
  return ((expOfMinusSquare(x) * x) / (2 * Math.PI)) * (1 / (x * x) + 2 * sum) - pole;
}

export function erf(x) {
  const size = Math.abs(x);
  if (size < 0.5) return erfBySeries(x);
  return size > 6 ? Math.sign(x) : Math.sign(x) * (1 - erfcByTrapezoids(size));
}

export function erfc(x) {
  if (x < 0.5) return 1 - erf(x);
  return x > 27.5 ? 0 : erfcByTrapezoids(x);
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
  if (size < 1e-8) x = size / TWO_OVER_SQRT_PI;
  for (let k = 0; k < 4; k++) {
    const error = size > 0.5 ? 1 - size - erfc(x) : erf(x) - size;
    const step = error / (TWO_OVER_SQRT_PI * expOfMinusSquare(x));
    x -= step / (1 + x * step);
  }
  return Math.sign(y) * x;
}

// sin(pi x) with x brought next to zero first.
function sinPi(x) {
  const n = Math.round(x);
  return (n % 2 === 0 ? 1 : -1) * Math.sin(Math.PI * (x - n));
}

// zeta(k) - 1 for k = 2, 3, ...; Abramowitz and Stegun (1964), table 23.3.
const ZETA = [
  0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993, 0.01734306198444914,
  0.008349277381922827, 0.00407735619794434, 0.0020083928260822143, 0.0009945751278180853, 0.0004941886041194645,
  0.0002460865533080483, 0.00012271334757848915, 6.124813505870483e-05, 3.058823630702049e-05, 1.528225940865187e-05,
  7.637197637899763e-06, 3.81729326499984e-06, 1.908212716553939e-06, 9.539620338727962e-07, 4.769329867878064e-07,
  2.38450502727733e-07, 1.1921992596531106e-07, 5.960818905125948e-08, 2.980350351465228e-08, 1.4901554828365043e-08,
  7.45071178983543e-09, 3.725334024788457e-09, 1.862659723513049e-09,
];

// log Gamma(2 + z) for |z| <= 1/2: Abramowitz and Stegun (1964), 6.1.33.
function lgammaNearTwo(z) {
  let sum = 0;
  for (let k = ZETA.length - 1; k >= 0; k--) sum = ZETA[k] / (k + 2) - z * sum;
  return z * (0.42278433509846713 + z * sum);
}

export function lgamma(x) {
  if (Number.isNaN(x)) return NaN;
  if (Math.abs(x) === Infinity || (x <= 0 && Math.floor(x) === x)) return Infinity;
  if (x < 0) return Math.log(Math.PI / Math.abs(sinPi(x))) - lgamma(1 - x);
  if (x < 0.5) return lgammaNearTwo(x) - Math.log1p(x) - Math.log(x);
  if (x < 1.5) return lgammaNearTwo(x - 1) - Math.log(x);
  if (x < 10) {
    let product = 1;
    for (; x > 2.5; x -= 1) product *= x - 1;
    return lgammaNearTwo(x - 2) + Math.log(product);
  }
  // Abramowitz and Stegun (1964), 6.1.41.
  const s = 1 / (x * x);
  const series = 1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - (s * 691) / 360360))));
  return (x - 0.5) * (Math.log(x) - 1) + Math.log(2 * Math.PI) / 2 - 0.5 + series / x;
}

// Abramowitz and Stegun (1964), 6.3.5, 6.3.7 and 6.3.18.
export function digamma(x) {
  if (x <= 0 && Math.floor(x) === x) return NaN;
  if (x < 0) return digamma(1 - x) - (Math.PI * sinPi(x + 0.5)) / sinPi(x);
  let shifted = x;
  let sum = 0;
  for (; shifted < 10; shifted += 1) sum -= 1 / shifted;
  const s = 1 / (shifted * shifted);
  const series = s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132 - (s * 691) / 32760)))));
  return sum + Math.log(shifted) - 0.5 / shifted - series;
}

// B_2j / (2j)!, the weights of the Euler-Maclaurin sum: Abramowitz and Stegun (1964), 23.1.30.
const EULER_MACLAURIN = [
  1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
  -3617 / 10670622842880000,
];

// Hurwitz' zeta: the sum of (q + k) ** -s for k = 0, 1, ...
export function zeta(s, q) {
  if (!(s > 1) || Number.isNaN(q)) return s === 1 ? Infinity : NaN;
  if (q <= 0 && Math.floor(q) === q) return s % 2 === 0 ? Infinity : NaN;
  if (q < 0) {
    if (Math.floor(s) !== s) return NaN;
    const negative = zeta(s, Math.ceil(q) - q) - zeta(s, 1 - q);
    return zeta(s, q - Math.floor(q)) + (s % 2 === 0 ? negative : -negative);
  }
  let sum = 0;
  for (; q < 12; q += 1) sum += q ** -s;
  let term = s * q ** (-s - 1);
  let rest = (q * q ** -s) / (s - 1) + q ** -s / 2;
  EULER_MACLAURIN.forEach((weight, j) => {
    rest += weight * term;
    term *= ((s + 2 * j + 1) * (s + 2 * j + 2)) / (q * q);
  });
  return sum + rest;
}

export function polygamma(m, x) {
  if (!(m >= 0) || Math.floor(m) !== m) return NaN;
  if (m === 0) return digamma(x);
  let factorial = 1;
  for (let k = 2; k <= m; k++) factorial *= k;
  return (m % 2 === 1 ? 1 : -1) * factorial * zeta(m + 1, x);
}
