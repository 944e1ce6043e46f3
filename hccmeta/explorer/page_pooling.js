"use strict";

// Pooled proportions on the logit scale; rows have events and n. Needs page_numerics.js.

const TAU_GRID = [0, 0.12, 0.2, 0.32, 0.5, 0.8, 1.25, 2, 3.2, 5, 8, 15, 40, 100];
const TAU_MAX = 100;
const FEWEST = 3; // fewer studies stand side by side, as in the report
const RULE = gaussLegendre(40);
const DROP = 32; // the integrand is followed until it has fallen by exp(-DROP) from its peak

/** Logit and its variance, 0.5 added to both cells of a study with 0 or n events. */
function logitEffect({ events, n }) {
  const add = events === 0 || events === n ? 0.5 : 0;
  const a = events + add, b = n - events + add;
  return { y: Math.log(a / b), v: 1 / a + 1 / b };
}

/** Weights 1 / (v + tau2), their sum, and the weighted mean. */
function weigh(effects, tau2) {
  const w = effects.map(({ v }) => 1 / (v + tau2)), total = sum(w);
  return { w, total, mean: sum(effects, ({ y }, i) => w[i] * y) / total };
}

/** REML estimate of tau2: global optimum of the restricted likelihood. */
function remlTau2(effects) {
  const score = (tau2) => {
    const { w, total, mean } = weigh(effects, tau2);
    return sum(effects, ({ y }, i) => (w[i] * (y - mean)) ** 2) - (total - sum(w, (one) => one * one) / total);
  };
  const height = (tau2) => {
    const { w, total, mean } = weigh(effects, tau2);
    return -0.5 * (Math.log(total) + sum(effects, ({ y }, i) => w[i] * (y - mean) ** 2 - Math.log(w[i])));
  };
  const floor = Math.min(...effects.map(({ v }) => v)), all = effects.map(({ y }) => y);
  const length = Math.log1p(1.01 * (Math.max(...all) - Math.min(...all)) ** 2 / floor + 1);
  const steps = Math.ceil(length / 0.25);
  const nodes = Array.from({ length: steps + 1 }, (_, i) => floor * Math.expm1((length * i) / steps));
  const slopes = nodes.map(score), tops = slopes[0] <= 0 ? [0] : [];
  for (let i = 0; i < steps; i++) {
    if (slopes[i] > 0 && slopes[i + 1] <= 0) tops.push(findRoot(score, nodes[i], nodes[i + 1], slopes[i], slopes[i + 1]));
  }
  return tops.reduce((best, tau2) => (height(tau2) > height(best) ? tau2 : best));
}

/** Inverse-variance pool: REML, Hartung-Knapp interval never narrower than t, prediction interval t with k - 1 df. */
function poolLogit(rows) {
  const effects = rows.map(logitEffect), k = rows.length, v = effects.map((effect) => effect.v);
  const tau2 = k > 1 ? remlTau2(effects) : 0;
  const { w, total, mean } = weigh(effects, tau2);
  const squares = sum(effects, ({ y }, i) => w[i] * (y - mean) ** 2);
  const se = (k > 1 ? Math.max(1, Math.sqrt(squares / (k - 1))) : 1) / Math.sqrt(total);
  const t = k > 1 ? tQuantile(k - 1) : Z;
  const reach = k >= 3 ? t * Math.sqrt(tau2 + se * se) : NaN;
  const own = weigh(effects, 0), Q = sum(effects, ({ y }, i) => own.w[i] * (y - own.mean) ** 2);
  const typical = ((k - 1) * own.total) / (own.total ** 2 - sum(own.w, (one) => one * one));
  return {
    k, estimate: mean, se, low: mean - t * se, high: mean + t * se, piLow: mean - reach, piHigh: mean + reach,
    tau2, Q, Qp: k > 1 ? chiSquareTail(Q, k - 1) : 1, I2: k > 1 ? tau2 / (tau2 + typical) : 0,
    weights: w.map((one) => one / total), v,
  };
}

/** Adds the log marginal likelihood of one study and its derivatives in (mu, tau) to `at`. */
function addStudy(at, events, n, mu, tau) {
  const guess = (events + 0.5) / (n + 1), information = (n + 1) * guess * (1 - guess);
  const height = (z) => {
    const delta = mu + tau * z;
    return events * delta - n * (Math.max(delta, 0) + Math.log1p(Math.exp(-Math.abs(delta)))) - (z * z) / 2;
  };
  const slopeAt = (z) => tau * (events - n * expit(mu + tau * z)) - z;
  let mode = (tau * information * (logit(guess) - mu)) / (1 + tau * tau * information), precision = 1;
  for (let step = 0; step < 200; step++) {
    const p = expit(mu + tau * mode);
    precision = 1 + tau * tau * n * p * (1 - p);
    const move = slopeAt(mode) / precision;
    if (move * move * precision < 1e-6) break;
    mode += Math.max(-2 / Math.max(tau, 0.2), Math.min(2 / Math.max(tau, 0.2), move));
  }
  const peak = height(mode);
  let total = 0, s1 = 0, s2 = 0, h11 = 0, h12 = 0, h22 = 0;
  for (const side of [-1, 1]) {
    let reach = Math.sqrt((2 * DROP) / precision);
    for (let step = 0; step < 4; step++) { // the log integrand is concave: Newton comes from outside
      const end = mode + side * reach, fall = -side * slopeAt(end);
      reach = fall > 0 ? reach - (peak - height(end) - DROP) / fall : 4 * reach;
      reach = Math.min(reach, Math.sqrt(2 * DROP) + 0.1);
    }
    for (const { node, weight } of RULE) {
      const z = mode + side * reach * node, p = expit(mu + tau * z), slope = events - n * p;
      const f = reach * weight * Math.exp(height(z) - peak), second = f * (slope * slope - n * p * (1 - p));
      total += f;
      s1 += f * slope;
      s2 += f * slope * z;
      h11 += second;
      h12 += second * z;
      h22 += second * z * z;
    }
  }
  s1 /= total;
  s2 /= total;
  at.value += peak + Math.log(total / Math.sqrt(2 * Math.PI));
  at.mu += s1;
  at.tau += s2;
  at.mumu += h11 / total - s1 * s1;
  at.mutau += h12 / total - s1 * s2;
  at.tautau += h22 / total - s2 * s2;
}

/** Log-likelihood of events ~ Binomial(n, expit(mu + tau z)), z ~ N(0, 1), with first and second derivatives. */
function likelihood(rows, mu, tau) {
  const at = { theta: [mu, tau], value: 0, mu: 0, tau: 0, mumu: 0, mutau: 0, tautau: 0 };
  for (const { events, n } of rows) addStudy(at, events, n, mu, tau);
  return at;
}

/** Maximum over mu at a given tau: the likelihood is log-concave in mu. */
function bestMu(rows, tau) {
  const effects = rows.map(logitEffect);
  let at = likelihood(rows, weigh(effects, tau * tau).mean, tau), share = 1;
  for (let step = 0; step < 100; step++) {
    const move = -at.mu / at.mumu;
    if (move * move * -at.mumu < 1e-24) break;
    const next = likelihood(rows, at.theta[0] + share * Math.max(-2, Math.min(2, move)), tau);
    if (next.value >= at.value - 1e-13 * Math.abs(at.value)) [at, share] = [next, 1];
    else if ((share /= 4) < 1e-6) break;
  }
  return at;
}

/** Highest point over tau, with mu free (null) or held. The slope divided by tau has the limit tautau at tau = 0. */
function bestTau(rows, held = null) {
  const evaluate = (tau) => (held === null ? bestMu(rows, tau) : likelihood(rows, held, tau));
  const rise = (at) => (at.theta[1] > 0 ? at.tau / at.theta[1] : at.tautau);
  const grid = TAU_GRID.map(evaluate), rises = grid.map(rise);
  rises[0] = rises[0] > 1e-9 * Math.abs(grid[0].mumu) ? rises[0] : -Math.abs(rises[0]);
  let best = grid[0], margin = rises[0] > 0 ? 0 : 1e-9;
  const offer = (at) => {
    if (at.value > best.value + margin) [best, margin] = [at, 0];
  };
  for (let j = 1; j < grid.length; j++) {
    if (!(rises[j - 1] > 0 && rises[j] <= 0)) continue;
    const slope = (tau) => rise(evaluate(tau));
    offer(evaluate(findRoot(slope, TAU_GRID[j - 1], TAU_GRID[j], rises[j - 1], rises[j], 1e-12)));
  }
  if (rises.at(-1) > 0) offer(grid.at(-1));
  return best;
}

/** Limit of the profile-likelihood interval of mu on one side. */
function profileLimit(rows, best, se, side) {
  const excess = (reach) => {
    const deviance = 2 * (best.value - bestTau(rows, best.theta[0] + side * reach).value);
    return Math.sqrt(Math.max(deviance, 0)) - Z;
  };
  let inner = 0, below = -Z, outer = 1.05 * Z * se, above = excess(outer);
  while (above < 0 && outer < 1e6) {
    [inner, below] = [outer, above];
    outer *= 1.5;
    above = excess(outer);
  }
  return best.theta[0] + side * findRoot(excess, inner, outer, below, above, 1e-11);
}

/** One study, or every study at 0 % or 100 %: the exact interval of one binomial sample. */
function exactSample(rows) {
  const k = rows.length, events = sum(rows, (row) => row.events), n = sum(rows, (row) => row.n);
  const coin = k > 1 && events > 0 && events < n;
  const x = coin ? rows.filter((row) => row.events === row.n).length : events, trials = coin ? k : n;
  let [low, high] = clopperPearson(x, trials);
  if (x === trials) low = (1 - LEVEL) ** (1 / trials);
  if (x === 0) high = 1 - (1 - LEVEL) ** (1 / trials);
  const information = (x * (trials - x)) / trials;
  return {
    k, estimate: logit(x / trials), se: information > 0 ? 1 / Math.sqrt(information) : NaN,
    low: logit(low), high: logit(high), piLow: NaN, piHigh: NaN,
    tau2: coin && rows.some((row) => row.n > 1) ? Infinity : 0, exact: true,
  };
}

/** Binomial-normal model by maximum likelihood: profile interval, prediction interval t with k - 1 df. */
function poolExact(rows) {
  const k = rows.length;
  if (k === 1 || rows.every(({ events, n }) => events === 0 || events === n)) return exactSample(rows);
  const best = bestTau(rows), [estimate, tau] = best.theta;
  const free = tau > 0 && tau < TAU_MAX;
  const se = Math.sqrt(-1 / (best.mumu - (free ? best.mutau ** 2 / best.tautau : 0)));
  const reach = k >= 3 ? tQuantile(k - 1) * Math.sqrt(tau * tau + se * se) : NaN;
  return {
    k, estimate, se, low: profileLimit(rows, best, se, -1), high: profileLimit(rows, best, se, 1),
    piLow: estimate - reach, piHigh: estimate + reach, tau2: tau * tau, exact: false,
  };
}

/** Binomial-normal model in each group of rows and the Wald test between groups; groups of fewer than three studies: no summary. */
function poolGroups(rows, groupOf) {
  const groups = new Map();
  for (const row of rows) {
    const name = groupOf(row);
    if (name !== null) groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  const results = [...groups].map(([name, own]) => ({ name, rows: own, result: own.length >= FEWEST ? poolExact(own) : null }));
  const tested = results.map(({ result }) => result).filter((result) => result && Number.isFinite(result.estimate));
  const effects = tested.map(({ estimate, se }) => ({ y: estimate, v: se * se }));
  const { w, mean } = weigh(effects, 0);
  const Q = sum(effects, ({ y }, i) => w[i] * (y - mean) ** 2);
  return { groups: results, Q, p: tested.length > 1 ? chiSquareTail(Q, tested.length - 1) : NaN };
}
