"use strict";

// Roots, distributions and quadrature. Levels are 0.95 throughout.

const LEVEL = 0.95;
const Z = 1.959963984540054; // normal quantile of 0.975

/** Root of f between a and b, where f changes sign (Chandrupatla 1997: inverse quadratic steps, else halves). */
function findRoot(f, a, b, fa = f(a), fb = f(b), tolerance = 1e-15) {
  if (fa === 0 || fb === 0) return fa === 0 ? a : b;
  let share = 0.5;
  for (let step = 0; step < 200; step++) {
    const x = a + share * (b - a), fx = f(x);
    let c, fc;
    if (Math.sign(fx) === Math.sign(fa)) [c, fc] = [a, fa];
    else [c, fc, b, fb] = [b, fb, a, fa];
    [a, fa] = [x, fx];
    const best = Math.abs(fa) < Math.abs(fb) ? a : b;
    const limit = (tolerance * Math.abs(best) + 1e-300) / Math.abs(b - a);
    if (fa === 0 || limit > 0.5) return best;
    const xi = (a - b) / (c - b), phi = (fa - fb) / (fc - fb);
    share = phi ** 2 < xi && (1 - phi) ** 2 < 1 - xi
      ? (fa / (fb - fa)) * (fc / (fb - fc)) + ((c - a) / (b - a)) * (fa / (fc - fa)) * (fb / (fc - fb))
      : 0.5;
    share = Math.min(1 - limit, Math.max(limit, share));
  }
  return a;
}

/** Log of the gamma function (Lanczos, g = 7). */
function logGamma(x) {
  const terms = [676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const t = x + 6.5;
  const sum = terms.reduce((total, term, i) => total + term / (x + i), 0.99999999999980993);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Value of the continued fraction b0 + a1 / (b1 + a2 / (b2 + ...)) (Lentz). */
function continuedFraction(b0, a, b) {
  const tiny = 1e-300;
  let value = b0 || tiny, c = value, d = 0;
  for (let i = 1; i < 2000; i++) {
    d = 1 / (b(i) + a(i) * d || tiny);
    c = b(i) + a(i) / c || tiny;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return value;
}

/** Distribution function of Beta(a, b). */
function betaCdf(x, a, b) {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCdf(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  const numerator = (i) => {
    const m = i >> 1;
    return i % 2 ? (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
      : (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
  };
  return front / continuedFraction(1, numerator, () => 1);
}

function betaQuantile(p, a, b) {
  return findRoot((x) => betaCdf(x, a, b) - p, 0, 1);
}

/** Quantile of 0.975 of Student's t. */
function tQuantile(df) {
  const x = betaQuantile(1 - LEVEL, df / 2, 0.5);
  return Math.sqrt(df * (1 / x - 1));
}

/** Upper tail of the chi-square distribution. */
function chiSquareTail(statistic, df) {
  const a = df / 2, x = statistic / 2;
  if (x <= 0) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x > a + 1) return front / continuedFraction(x + 1 - a, (i) => -i * (i - a), (i) => x + 2 * i + 1 - a);
  let term = 1 / a, sum = term;
  for (let i = 1; term > sum * 1e-17; i++) sum += term *= x / (a + i);
  return 1 - front * sum;
}

/** Exact Clopper-Pearson limits of a proportion. */
function clopperPearson(events, n) {
  const alpha = (1 - LEVEL) / 2;
  return [
    events === 0 ? 0 : betaQuantile(alpha, events, n - events + 1),
    events === n ? 1 : betaQuantile(1 - alpha, events + 1, n - events),
  ];
}

const expit = (y) => 1 / (1 + Math.exp(-y));
const logit = (p) => Math.log(p / (1 - p));
const sum = (values, of = (value) => value) => values.reduce((total, value, i) => total + of(value, i), 0);

/** Nodes and weights of Gauss and Legendre on (0, 1): Newton's method on the Legendre polynomial. */
function gaussLegendre(order) {
  return Array.from({ length: order }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (order + 0.5)), slope = 0;
    for (let step = 0; step < 8; step++) {
      let [before, value] = [1, x];
      for (let j = 2; j <= order; j++) [before, value] = [value, ((2 * j - 1) * x * value - (j - 1) * before) / j];
      slope = (order * (x * value - before)) / (x * x - 1);
      x -= value / slope;
    }
    return { node: (x + 1) / 2, weight: 1 / ((1 - x * x) * slope * slope) };
  });
}
