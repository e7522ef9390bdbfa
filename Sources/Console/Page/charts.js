"use strict";
// Elements and drawings. Every text goes through textContent or an attribute: none is ever read as markup.
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

/** An element with its attributes, listeners (on…) and children: elements, texts, or nothing. */
function make(space, tag, attributes, children) {
  const element = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
const el = (tag, attributes, ...children) => make(null, tag, attributes, children);
const draw = (tag, attributes, ...children) => make(SVG, tag, attributes, children);

/** Puts children into a place, unless it shows the same already: what a person reads or has chosen stays. */
const shown = new WeakMap();
function show(place, key, build) {
  const text = `${language} ${place.clientWidth} ${JSON.stringify(key)}`;
  if (shown.get(place) === text) return;
  shown.set(place, text);
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  place.replaceChildren(...[build()].flat().filter(Boolean));
  if (focused) [...place.querySelectorAll("[data-key]")].find((e) => e.dataset.key === focused)?.focus();
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const locale = () => (language === "zh" ? "zh-CN" : "en-GB");
function figure(value, digits = 0) {
  if (!isNumber(value)) return say("unknown");
  return value.toLocaleString(locale(), { maximumFractionDigits: digits, minimumFractionDigits: digits });
}
const percent = (value, digits = 1) => (isNumber(value) ? `${figure(100 * value, digits)} %` : say("unknown"));
function moment(value) {
  const date = new Date(value), two = (number) => String(number).padStart(2, "0");
  // What is before any event has no time.
  return Number.isNaN(date.getTime()) || date.getTime() === 0 ? "–"
    : `${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
function span(ms) {
  if (!isNumber(ms)) return say("unknown");
  if (ms < 10_000) return `${figure(ms / 1000, 1)} s`;
  if (ms < 120_000) return `${figure(ms / 1000)} s`;
  if (ms < 7_200_000) return `${figure(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${figure(ms / 3_600_000, 1)} h`;
  return `${figure(ms / 86_400_000, 1)} d`;
}

/** A table: columns are [title, class], rows are lists of cells. */
function table(columns, rows) {
  return el("table", {},
    el("thead", {}, el("tr", {}, ...columns.map(([title, cls]) => el("th", { scope: "col", class: cls }, title)))),
    el("tbody", {}, ...rows.map((cells) => el("tr", {}, ...cells.map((cell, index) => el("td", { class: columns[index][1] }, ...[cell].flat()))))));
}
const empty = (name) => el("p", { class: "empty" }, say(name));

/** Round values that divide a range. */
function ticks(low, high, count = 4) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= count + 0.5) || 10 * power;
  const marks = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) marks.push(Math.abs(value) < step * 1e-9 ? 0 : value);
  return marks;
}

/**
 * Lines over x, with bands, points and lines of reference.
 * series: [{points: [[x, y, low?, high?]]}], refs: [y], name: what it shows, x and y: how values read.
 */
function lineChart(place, { name, series, refs = [], x, y, height = 170, low, high, dots = false, marks = [] }) {
  const width = Math.max(260, place.clientWidth || 480);
  const all = series.flatMap((line) => line.points);
  const box = { left: 52, right: 12, top: 10, bottom: 24 };
  const xs = all.map((p) => p[0]);
  const ys = all.flatMap((p) => p.slice(1)).filter(isNumber).concat(refs, marks.map((m) => m[1]));
  const x0 = Math.min(...xs), x1 = Math.max(...xs);
  let y0 = low ?? Math.min(...ys), y1 = high ?? Math.max(...ys);
  if (y1 - y0 < 1e-12) { y1 += Math.abs(y1) * 0.05 || 1; y0 = low ?? y0 - (Math.abs(y0) * 0.05 || 1); }
  const pad = (y1 - y0) * 0.06;
  if (low === undefined) y0 -= pad;
  if (high === undefined) y1 += pad;
  const px = (value) => box.left + (x1 > x0 ? (value - x0) / (x1 - x0) : 0.5) * (width - box.left - box.right);
  const py = (value) => height - box.bottom - ((value - y0) / (y1 - y0)) * (height - box.top - box.bottom);
  const parts = [draw("title", {}, name)];
  for (const value of ticks(y0, y1)) {
    parts.push(draw("line", { class: "grid", x1: box.left, x2: width - box.right, y1: py(value), y2: py(value) }),
      draw("text", { x: box.left - 6, y: py(value) + 4, "text-anchor": "end" }, y(value)));
  }
  for (const [value, anchor] of x1 > x0 ? [[x0, "start"], [(x0 + x1) / 2, "middle"], [x1, "end"]] : [[x0, "middle"]]) {
    parts.push(draw("text", { x: px(value), y: height - 7, "text-anchor": anchor }, x(value)));
  }
  for (const value of refs) parts.push(draw("line", { class: "ref", x1: box.left, x2: width - box.right, y1: py(value), y2: py(value) }));
  for (const line of series) {
    const known = line.points.filter((p) => isNumber(p[1]));
    const banded = known.filter((p) => isNumber(p[2]) && isNumber(p[3]));
    if (banded.length > 1) parts.push(draw("path", { class: "b0", d: `M${banded.map((p) => `${px(p[0])} ${py(p[3])}`).join("L")}L${[...banded].reverse().map((p) => `${px(p[0])} ${py(p[2])}`).join("L")}Z` }));
    if (known.length > 1) parts.push(draw("path", { class: "l0", d: `M${known.map((p) => `${px(p[0]).toFixed(1)} ${py(p[1]).toFixed(1)}`).join("L")}` }));
    if (dots || known.length === 1) parts.push(...known.map((p) => draw("circle", { class: "p0", cx: px(p[0]), cy: py(p[1]), r: 3.5 }, draw("title", {}, `${x(p[0])}: ${y(p[1])}`))));
  }
  for (const [mx, my] of marks) parts.push(draw("rect", { class: "p1", x: px(mx) - 5, y: py(my) - 5, width: 10, height: 10 }));
  const last = series[0]?.points.at(-1);
  return draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": last && isNumber(last[1]) ? `${name}: ${x(last[0])}, ${y(last[1])}` : name }, ...parts);
}

/** Slopes with intervals, one a row: [{name, value, deviation, served}]. */
function intervals(place, name, rows) {
  const width = Math.max(260, place.clientWidth || 600);
  const labels = Math.min(220, width * 0.36);
  const step = 24, height = rows.length * step + 26;
  const ends = rows.flatMap((row) => [row.value - 1.96 * row.deviation, row.value + 1.96 * row.deviation, row.served]).concat(0).filter(isNumber);
  const low = Math.min(...ends), high = Math.max(...ends);
  const px = (value) => labels + 10 + ((value - low) / (high - low || 1)) * (width - labels - 24);
  const parts = [draw("title", {}, name)];
  for (const value of ticks(low, high, 6)) parts.push(draw("line", { class: value === 0 ? "ref" : "grid", x1: px(value), x2: px(value), y1: 0, y2: height - 22 }), draw("text", { x: px(value), y: height - 7, "text-anchor": "middle" }, figure(value, Math.abs(high - low) < 3 ? 1 : 0)));
  rows.forEach((row, index) => {
    const y = index * step + 13;
    const text = row.name.length > labels / 6.2 ? `${row.name.slice(0, Math.floor(labels / 6.2) - 1)}…` : row.name;
    parts.push(draw("g", {}, draw("title", {}, `${row.name}: ${figure(row.value, 2)} ± ${figure(1.96 * row.deviation, 2)}; ${say("served")} ${figure(row.served, 2)}`),
      draw("text", { class: "inside", x: labels, y: y + 4, "text-anchor": "end" }, text),
      draw("line", { class: "whisker", x1: px(row.value - 1.96 * row.deviation), x2: px(row.value + 1.96 * row.deviation), y1: y, y2: y }),
      draw("circle", { class: "p0", cx: px(row.value), cy: y, r: 4 }),
      draw("rect", { class: "p1", x: px(row.served) - 4, y: y - 4, width: 8, height: 8 })));
  });
  return draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name }, ...parts);
}

/** Marks on a time axis, in lanes: lanes [title], marks [{lane, at, cls, text, pick, chosen}], spans likewise with from and until. */
function timeAxis(place, name, lanes, marks, spans = []) {
  const width = Math.max(260, place.clientWidth || 600);
  const labels = Math.min(150, width * 0.3), step = 30, height = lanes.length * step + 24;
  const times = marks.map((mark) => mark.at).concat(spans.flatMap((s) => [s.from, s.until]));
  const t0 = Math.min(...times), t1 = Math.max(...times, t0 + 1000);
  const px = (at) => labels + 12 + ((at - t0) / (t1 - t0)) * (width - labels - 30);
  const parts = [draw("title", {}, name)];
  lanes.forEach((lane, index) => parts.push(draw("text", { x: labels, y: index * step + 19, "text-anchor": "end" }, lane),
    draw("line", { class: "grid", x1: labels + 6, x2: width - 6, y1: index * step + 15, y2: index * step + 15 })));
  for (const [at, anchor] of [[t0, "start"], [t1, "end"]]) parts.push(draw("text", { x: px(at), y: height - 6, "text-anchor": anchor }, moment(at)));
  for (const s of spans) {
    const w = Math.max(2, px(s.until) - px(s.from));
    parts.push(draw("g", {}, draw("title", {}, s.text), draw("rect", { class: "span", x: px(s.from), y: s.lane * step + 6, width: w, height: 18, rx: 3 }),
      w > 56 && draw("text", { x: px(s.from) + 5, y: s.lane * step + 19 }, s.label)));
  }
  for (const mark of marks) {
    const y = mark.lane * step + 15, x = px(mark.at);
    const shape = mark.cls.includes("warning") || mark.cls.includes("error") ? draw("path", { class: `mark ${mark.cls}`, d: `M${x} ${y - 7}L${x + 7} ${y + 6}L${x - 7} ${y + 6}Z` }) : draw("circle", { class: `mark ${mark.cls}`, cx: x, cy: y, r: 5.5 });
    shape.append(draw("title", {}, mark.text));
    if (mark.pick) { shape.classList.add("pick"); shape.addEventListener("click", mark.pick); if (mark.chosen) shape.classList.add("chosen"); }
    parts.push(shape);
  }
  return draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name }, ...parts);
}
