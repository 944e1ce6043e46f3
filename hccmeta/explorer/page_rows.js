"use strict";

// Rows of a choice, its sentence and its selection file. A choice has endpoint, scope, criteria (in order of
// preference), where (column -> values; no values = no filter), groupBy, and without (arm ids). Needs page_pooling.js.

const DATA = JSON.parse(document.getElementById("data").textContent);
for (const row of DATA.rows) row.arm = DATA.arms.find((arm) => arm.arm_id === row.arm_id);

const words = (name) => name.replaceAll("_", " ");

/** Value of a row in a column of the row itself, else of its arm and study. */
function valueOf(row, column) {
  return column in row ? row[column] : row.arm[column];
}

function passes(where, valueIn) {
  return Object.entries(where).every(([column, values]) => !values.length || values.includes(valueIn(column)));
}

/** One row per arm: the criteria that come first, then the population and analysis that come first. */
function rowPerArm({ endpoint, scope, criteria, where }) {
  const rank = (row) => criteria.indexOf(row.criteria);
  const rows = DATA.rows
    .filter((row) => row.endpoint === endpoint && row.lesion_scope === scope && rank(row) >= 0)
    .filter((row) => passes(where, (column) => valueOf(row, column)))
    .sort((one, other) => rank(one) - rank(other) || one.rank - other.rank || one.order - other.order);
  const arms = new Set();
  return rows
    .filter(({ arm_id: id }) => !arms.has(id) && arms.add(id))
    .sort((one, other) => one.order - other.order);
}

/** Study that stays of each cohort with several: the one with most patients, then the first. */
function largestOfCohorts(rows) {
  const cohorts = new Map();
  for (const { arm, n } of rows) {
    if (arm.cohort_id === null) continue;
    const sizes = cohorts.get(arm.cohort_id) ?? new Map();
    cohorts.set(arm.cohort_id, sizes.set(arm.study_id, (sizes.get(arm.study_id) ?? 0) + n));
  }
  const shared = [...cohorts].filter(([, sizes]) => sizes.size > 1);
  return new Map(shared.map(([cohort, sizes]) => [cohort, [...sizes].sort((a, b) => b[1] - a[1])[0][0]]));
}

/** Rows that are pooled (`rows`), unticked by the reader (`without`), and left out with their reason (`leftOut`). */
function chooseRows(choice) {
  const found = rowPerArm(choice), without = found.filter((row) => choice.without.includes(row.arm_id));
  const ticked = found.filter((row) => !without.includes(row)), leftOut = [];
  const keep = (rows, test, reason) => rows.filter((row) => test(row) || (leftOut.push({ row, reason: reason(row) }), false));
  const parts = new Set(ticked.filter(({ arm }) => arm.role !== "pooled").map(({ arm }) => arm.study_id));
  const apart = keep(ticked, ({ arm }) => arm.role !== "pooled" || !parts.has(arm.study_id),
    () => "pooled arm: its parts are in");
  const largest = largestOfCohorts(apart), kept = new Set(largest.values());
  const rows = keep(apart, ({ arm }) => !largest.has(arm.cohort_id) || kept.has(arm.study_id), ({ arm }) =>
    `may share patients with ${studyLabel(largest.get(arm.cohort_id))}, the larger study`);
  return { rows, without, leftOut, labels: labelsOf(rows) };
}

function studyLabel(id) {
  return DATA.arms.find((arm) => arm.study_id === id).study;
}

/** Study label of each row, with the arm's where a study has several. */
function labelsOf(rows) {
  const studies = rows.map(({ arm }) => arm.study);
  return new Map(rows.map((row) => [row, studies.filter((study) => study === row.arm.study).length > 1
    ? `${row.arm.study}, ${row.arm.arm_label}` : row.arm.study]));
}

function percent(logitValue) {
  return Number.isNaN(logitValue) ? "not estimable" : `${(100 * expit(logitValue)).toFixed(1)} %`;
}

function intervalText(low, high) {
  return `${(100 * expit(low)).toFixed(1)} to ${(100 * expit(high)).toFixed(1)} %`;
}

function estimateText({ estimate, low, high }) {
  return `${percent(estimate)} (95 % CI ${intervalText(low, high)})`;
}

function pText(p) {
  if (Number.isNaN(p)) return "p not estimable";
  return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`;
}

const studiesText = (k) => `${k} ${k === 1 ? "study" : "studies"}`;

/** The pooled result, and the groups where there are any, as the report says them. */
function sentenceOf({ endpoint, scope, groupBy }, result, grouped, chosen) {
  const outcome = `${endpoint} (${words(scope)})`;
  if (!result) return `No arm in this selection reports the ${outcome}: loosen a filter.`;
  return pooledSentence(outcome, result, chosen) + (grouped ? ` ${groupsSentence(outcome, groupBy, grouped)}` : "");
}

/** `A 3/16 (18.8 %), B 33/108 (30.6 %)` */
function sideBySide({ rows, labels }) {
  const share = ({ events, n }) => `${events}/${n} (${((100 * events) / n).toFixed(1)} %)`;
  return rows.map((row) => `${labels.get(row)} ${share(row)}`).join(", ");
}

function pooledSentence(outcome, result, chosen) {
  if (result.k === 1) return `Only one study reports the ${outcome}: ${estimateText(result)}; nothing is pooled.`;
  if (result.k < FEWEST) return `${studiesText(result.k)} report the ${outcome}, too few to pool: ${sideBySide(chosen)}.`;
  const expected = Number.isFinite(result.piLow)
    ? `a new study would be expected between ${intervalText(result.piLow, result.piHigh).replace(" to ", " and ")} (prediction interval)`
    : "no prediction interval is given";
  return `The pooled ${outcome} is ${estimateText(result)} over ${studiesText(result.k)}; ${expected}.`;
}

function groupsSentence(outcome, groupBy, { groups, p }) {
  const parts = groups.map(({ name, rows, result }) => (result && Number.isFinite(result.estimate)
    ? `${name}: ${estimateText(result)}, ${studiesText(result.k)}` : `${name}: ${studiesText(rows.length)}, no summary`));
  const test = Number.isFinite(p) ? `test between groups ${pText(p)}` : "no test between groups";
  return `${outcome} by ${groupBy} - ${parts.join("; ")}; ${test}. Subgroups of studies are exploratory.`;
}

/** Arms of the tables that a saved selection keeps: those of the filters, less the unticked ones and those without a
    row of the chosen kind of reading; null where the filters alone say it. */
function armsOfSelection(choice) {
  const { evidence_grade: grades = [], ...where } = choice.where;
  const reporting = new Set(rowPerArm({ ...choice, where }).map((row) => row.arm_id));
  const readAsChosen = new Set(rowPerArm(choice).map((row) => row.arm_id));
  const wrong = grades.length ? [...reporting].filter((id) => !readAsChosen.has(id)) : [];
  const out = new Set([...choice.without, ...wrong]);
  const inside = DATA.arms.filter((arm) => passes(armFilters(choice), (column) => arm[column]));
  const kept = inside.filter((arm) => !out.has(arm.arm_id));
  return kept.length < inside.length ? kept.map((arm) => arm.arm_id) : null;
}

/** Filters on columns of arms and studies; those on a row itself cannot stand in a selection file. */
function armFilters({ where }) {
  return Object.fromEntries(Object.entries(where).filter(([column, values]) => values.length && column !== "evidence_grade"));
}

/** Text of selections/<name>.yaml; strings in JSON's notation, which YAML reads. */
function selectionYaml(choice, description) {
  const list = (values) => `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
  const filters = Object.entries(armFilters(choice)), arms = armsOfSelection(choice);
  const lines = [`description: ${JSON.stringify(description)}`, filters.length ? "where:" : "where: {}"];
  lines.push(...filters.map(([column, values]) => `  ${column}: ${list(values)}`));
  lines.push(`group_by: ${JSON.stringify(choice.groupBy)}`);
  if (arms) lines.push("arms:", ...arms.map((id) => `  - ${JSON.stringify(id)}`));
  return `${lines.join("\n")}\n`;
}
