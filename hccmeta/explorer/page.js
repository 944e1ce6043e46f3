"use strict";

// The controls: what is chosen, and what follows from it. Needs the other page_*.js.

const byId = (id) => document.getElementById(id);
const NAME = /^[a-z0-9][a-z0-9_-]{0,60}$/;
const unticked = new Set();

function option(value, text) {
  return element("option", { value }, text);
}

function fillSelects() {
  byId("endpoint").append(...DATA.endpoints.map(([name, text]) => option(name, `${name}: ${text}`)));
  byId("scope").append(...DATA.scopes.map((scope) => option(scope, words(scope))));
  byId("criteria").append(...DATA.criteria.map(([label], i) => option(i, label)));
  byId("group-by").append(...DATA.groupings.map((name) => option(name, name ? words(name) : "no grouping")));
}

/** Checkboxes of every filter, with the number of arms that report the endpoint; `ticked`: column -> values. */
function fillFilters(ticked) {
  const all = { endpoint: byId("endpoint").value, scope: byId("scope").value, where: {} };
  const rows = rowPerArm({ ...all, criteria: [...new Set(DATA.rows.map((row) => row.criteria))] });
  const blocks = DATA.filters.map((column) => {
    const counts = new Map();
    for (const row of rows) counts.set(valueOf(row, column), (counts.get(valueOf(row, column)) ?? 0) + 1);
    counts.delete(null);
    const labels = [...counts.keys()].sort().map((value) => {
      const box = element("input", { type: "checkbox", value, "data-column": column });
      box.checked = ticked[column]?.includes(value) ?? false;
      return element("label", {}, box, ` ${words(value)} `, element("span", { class: "count" }, `${counts.get(value)}`));
    });
    const open = document.querySelector(`#filters details[data-column="${column}"]`)?.open ?? false;
    const block = element("details", { "data-column": column }, element("summary"), ...labels);
    block.open = open;
    return block;
  });
  byId("filters").replaceChildren(...blocks);
}

const title = (column) => (column === "evidence_grade" ? "evidence read" : words(column));

function chosenFilters() {
  const where = {};
  for (const box of document.querySelectorAll("#filters input:checked")) {
    (where[box.dataset.column] ??= []).push(box.value);
  }
  return where;
}

function currentChoice() {
  return {
    endpoint: byId("endpoint").value, scope: byId("scope").value, criteria: DATA.criteria[byId("criteria").value][1],
    where: chosenFilters(), groupBy: byId("group-by").value, without: [...unticked],
  };
}

function armText(id) {
  const { study, arm_label: label } = DATA.arms.find((arm) => arm.arm_id === id);
  return `${study}, ${label}`;
}

/** The choice in words: for the reader, for print, and as description of a saved selection. */
function choiceText({ endpoint, scope, where, without }) {
  const filters = Object.entries(where).map(([column, values]) => `${title(column)}: ${values.map(words).join(" or ")}`);
  const parts = [`${endpoint}, ${words(scope)}, ${DATA.criteria[byId("criteria").value][0]}`, ...filters];
  if (without.length) parts.push(`left out by hand: ${without.map(armText).join("; ")}`);
  return parts.join("; ");
}

function figures(chosen, exact, logitPool) {
  const number = (value) => (Number.isFinite(value) ? value.toFixed(3) : "not estimable");
  const several = exact.k >= FEWEST;
  const shown = {
    k: exact.k, patients: sum(chosen.rows, (row) => row.n), "τ² (exact likelihood)": several && number(exact.tau2),
    "τ² (logit REML)": several && number(logitPool.tau2), "I²": several && `${(100 * logitPool.I2).toFixed(0)} %`,
    Q: several && `${logitPool.Q.toFixed(2)} on ${exact.k - 1} df, ${pText(logitPool.Qp)}`,
  };
  return Object.entries(shown).filter(([, value]) => value !== false)
    .map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, `${value}`)));
}

function logitText(pooled) {
  const expected = Number.isFinite(pooled.piLow) ? `; prediction interval ${intervalText(pooled.piLow, pooled.piHigh)}` : "";
  return `Beside it, logit, REML, Hartung-Knapp ad hoc: ${estimateText(pooled)}${expected}.`;
}

/** Arms for which the report would use another row than the page: it knows no filter on what was read. */
function otherRows(choice) {
  const kept = armsOfSelection(choice);
  if (!choice.where.evidence_grade || !kept) return [];
  const ours = new Set(rowPerArm(choice).map((row) => row.response_id));
  return rowPerArm({ ...choice, where: armFilters(choice) })
    .filter((row) => kept.includes(row.arm_id) && !ours.has(row.response_id)).map((row) => row.arm.study);
}

function showSelection(choice) {
  const name = byId("name").value.trim(), valid = NAME.test(name), others = otherRows(choice);
  byId("yaml").textContent = selectionYaml(choice, `Saved from explorer.html; shown: ${choiceText(choice)}`);
  byId("download").disabled = !valid;
  byId("command").replaceChildren(...(valid
    ? ["Put ", element("code", {}, `${name}.yaml`), " into the folder ", element("code", {}, "selections/"), ", then run ",
      element("code", {}, `make report SELECTION=${name}`)]
    : ["A name has lower-case letters, digits, - and _, and starts with a letter or digit."]));
  if (others.length) byId("command").append(`. The report would use another row of: ${others.join(", ")}`);
}

function redraw() {
  const choice = currentChoice(), chosen = chooseRows(choice), { rows } = chosen;
  const exact = rows.length ? poolExact(rows) : null, logitPool = rows.length ? poolLogit(rows) : null;
  const grouped = rows.length && choice.groupBy ? poolGroups(rows, (row) => valueOf(row, choice.groupBy)) : null;
  const held = document.activeElement?.dataset?.arm;
  byId("choice").textContent = choiceText(choice);
  byId("answer").textContent = sentenceOf(choice, exact, grouped, chosen);
  byId("figures").replaceChildren(...(exact ? figures(chosen, exact, logitPool) : []));
  byId("logit").textContent = exact?.k >= FEWEST ? logitText(logitPool) : "";
  drawForest(byId("forest"), { chosen, groupBy: choice.groupBy, exact, logitPool, grouped, onToggle });
  byId("left-out").hidden = !chosen.leftOut.length;
  byId("left-out").lastElementChild.replaceChildren(...chosen.leftOut.map(({ row, reason }) =>
    element("li", {}, `${row.arm.study}, ${row.arm.arm_label}: ${reason}`)));
  for (const block of document.querySelectorAll("#filters details")) {
    const values = choice.where[block.dataset.column] ?? [];
    block.classList.toggle("set", values.length > 0);
    block.firstElementChild.textContent = `${title(block.dataset.column)}: ${values.map(words).join(", ") || "any"}`;
  }
  showSelection(choice);
  if (held) document.querySelector(`#forest input[data-arm="${CSS.escape(held)}"]`)?.focus();
}

function onToggle(arm, ticked) {
  if (ticked) unticked.delete(arm);
  else unticked.add(arm);
  redraw();
}

function start() {
  for (const select of document.querySelectorAll("select")) select.selectedIndex = 0;
  unticked.clear();
  fillFilters(DATA.start);
  redraw();
}

function download() {
  const name = byId("name").value.trim();
  const url = URL.createObjectURL(new Blob([byId("yaml").textContent], { type: "text/yaml" }));
  element("a", { href: url, download: `${name}.yaml` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

fillSelects();
byId("of-selection").textContent = `Only the selection ${DATA.selection} of the evidence.`;
byId("of-selection").hidden = !DATA.selection;
byId("controls").addEventListener("submit", (event) => event.preventDefault());
byId("controls").addEventListener("change", ({ target }) => {
  if (target.id === "endpoint" || target.id === "scope") fillFilters(chosenFilters());
  redraw();
});
byId("name").addEventListener("input", () => showSelection(currentChoice()));
byId("reset").addEventListener("click", start);
byId("download").addEventListener("click", download);
start();
