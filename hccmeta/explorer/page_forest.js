"use strict";

// Forest plot as a table: one row per arm with a checkbox, an SVG per row, diamonds below. Needs page_rows.js.

const SVG = "http://www.w3.org/2000/svg";
const TICKS = [0, 20, 40, 60, 80, 100];

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function svgElement(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const at = (share) => `${100 * share}%`;

function line(from, to, y1, y2, style) {
  return svgElement("line", { x1: at(from), x2: at(to), y1, y2, class: style });
}

/** The plot cell of a row: grid, dotted line at the pooled share, then the marks. */
function plotCell(mean, ...marks) {
  const lines = TICKS.map((tick) => line(tick / 100, tick / 100, "0%", "100%", "grid"));
  if (Number.isFinite(mean)) lines.push(line(expit(mean), expit(mean), "0%", "100%", "mean"));
  const cell = element("td", { class: "plot" });
  cell.append(svgElement("svg", { class: "row", "aria-hidden": "true" }, ...lines, ...marks));
  return cell;
}

function square(share, [low, high], weight) {
  const side = 5 + 22 * Math.sqrt(weight);
  return [
    line(low, high, "50%", "50%", "whisker"),
    svgElement("rect", {
      x: at(share), y: "50%", width: side, height: side, class: "square", transform: `translate(${-side / 2} ${-side / 2})`,
    }),
  ];
}

function diamond({ estimate, low, high }, style) {
  const [middle, left, right] = [estimate, low, high].map(expit), peak = (100 * (middle - left)) / (right - left);
  const shape = svgElement("polygon", { points: `0,8 ${peak},0 100,8 ${peak},16`, class: style });
  const box = { x: at(left), y: "50%", width: at(right - left), height: 16, viewBox: "0 0 100 16" };
  return svgElement("g", { transform: "translate(0 -8)" }, svgElement("svg", { ...box, preserveAspectRatio: "none" }, shape));
}

function numberCell(text) {
  return element("td", { class: "number" }, text);
}

/** One arm: checkbox and label, counts, square with exact interval. */
function studyRow(row, { chosen, mean, weight, onToggle }) {
  const used = chosen.rows.includes(row);
  const box = element("input", { type: "checkbox", "data-arm": row.arm_id });
  box.checked = used;
  box.addEventListener("change", () => onToggle(row.arm_id, box.checked));
  const label = chosen.labels.get(row) ?? `${row.arm.study}, ${row.arm.arm_label}`;
  const doubt = row.use === "check" ? "; † marked check: its meaning is doubtful" : "";
  const source = `${words(row.criteria)}; evidence read: ${words(row.evidence_grade)}${doubt}`;
  const name = element("span", {}, element("span", { class: "name" }, `${label}${doubt && " †"}`), element("small", {}, source));
  const limits = clopperPearson(row.events, row.n), share = row.events / row.n;
  const text = `${(100 * share).toFixed(1)} [${limits.map((limit) => (100 * limit).toFixed(1)).join(", ")}] %`;
  return element(
    "tr", used ? {} : { class: "off" }, element("td", {}, element("label", {}, box, name)),
    numberCell(`${row.events}/${row.n}`), plotCell(mean, ...(used ? square(share, limits, weight) : [])), numberCell(text),
  );
}

/** Diamond row, and the bar of the prediction interval where there is one. */
function pooledRows(label, rows, result, mean, style) {
  const counts = `${sum(rows, (row) => row.events)}/${sum(rows, (row) => row.n)}`;
  const text = `${(100 * expit(result.estimate)).toFixed(1)} [${(100 * expit(result.low)).toFixed(1)}, ${(100 * expit(result.high)).toFixed(1)}] %`;
  const found = [element("tr", { class: "pooled" }, element("td", {}, label), numberCell(counts),
    plotCell(mean, diamond(result, style)), numberCell(text))];
  if (Number.isFinite(result.piLow)) {
    const [low, high] = [result.piLow, result.piHigh].map(expit);
    found.push(element("tr", {}, element("td", {}, "Prediction interval"), numberCell(""),
      plotCell(mean, line(low, high, "50%", "50%", "prediction")),
      numberCell(`[${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}] %`)));
  }
  return found;
}

function headingRow(text, mean) {
  return element("tr", { class: "group" }, element("td", {}, text), numberCell(""), plotCell(mean), numberCell(""));
}

function axisRow() {
  const cell = plotCell(NaN);
  cell.firstChild.replaceChildren(
    line(0, 1, "2", "2", "whisker"),
    ...TICKS.map((tick) => svgElement("text", { x: `${tick}%`, y: 18, "text-anchor": "middle" }, `${tick} %`)),
  );
  return element("tr", {}, element("td"), element("td"), cell, element("td"));
}

/** Fills the table: the arms (by group where grouped), each group's diamond, the overall diamonds, the axis. */
function drawForest(table, { chosen, groupBy, exact, logitPool, grouped, onToggle }) {
  const mean = exact?.k === 1 || exact?.k >= FEWEST ? exact.estimate : NaN;
  const weights = new Map(chosen.rows.map((row, i) => [row, logitPool.weights[i]]));
  const shown = [...chosen.rows, ...chosen.without].sort((one, other) => one.order - other.order);
  const studyRows = (rows) =>
    rows.map((row) => studyRow(row, { chosen, mean, weight: weights.get(row) ?? 0, onToggle }));
  const body = groupBy ? [] : studyRows(shown);
  const names = groupBy ? new Set(shown.map((row) => valueOf(row, groupBy))) : [];
  for (const name of names) {
    const group = grouped?.groups.find((one) => one.name === name);
    body.push(headingRow(name === null ? "no value" : words(name), mean),
      ...studyRows(shown.filter((row) => valueOf(row, groupBy) === name)));
    if (group?.result) body.push(...pooledRows(`Pooled, k = ${group.rows.length}`, group.rows, group.result, mean, "diamond"));
  }
  if (chosen.rows.length >= FEWEST) {
    if (groupBy) body.push(headingRow("All", mean));
    body.push(...pooledRows(`Pooled, exact likelihood, k = ${exact.k}`, chosen.rows, exact, mean, "diamond"));
    body.push(...pooledRows("Pooled, logit REML", chosen.rows, { ...logitPool, piLow: NaN }, mean, "diamond second"));
  }
  table.tBodies[0].replaceChildren(...body);
  table.tFoot.replaceChildren(axisRow());
}
