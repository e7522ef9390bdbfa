"use strict";
// What each section shows of the answers.

/** What is wrong, the worst first, as [class, sentence]; empty where nothing is. */
function troubles(status) {
  const found = [];
  if (!status.live) found.push(["bad", say("stuck", { r: `${status.activity}, ${span(status.activity_ms)}` })]);
  for (const part of ["learning", "publishing"]) {
    const pause = status.paused?.[part];
    if (pause) found.push(["warn", say(part === "learning" ? "pausedLearning" : "pausedPublishing", { t: moment(pause.since_ms), w: pause.who, r: pause.reason })]);
  }
  if (status.publishing?.error) found.push(["bad", say("notPublished", { r: status.publishing.error })]);
  if (status.without_broker_ms > 5000) found.push(["bad", say("noBroker", { n: figure(status.without_broker_ms / 1000) })]);
  if (!status.ready && !status.paused?.learning) found.push(["bad", say("notReady", { r: status.ready_reason })]);
  return found;
}

function showHealth(status) {
  const found = troubles(status);
  byId("health").className = found.length ? (found.some(([cls]) => cls === "bad") ? "bad" : "warn") : "good";
  const text = found.length ? found.map(([, sentence]) => sentence).join(" · ") : say("healthy", { r: status.ready_reason });
  if (byId("verdict").textContent !== text) byId("verdict").textContent = text;
  byId("place").textContent = [status.version && `v${status.version}`, status.cluster && `cluster ${status.cluster}`, status.head && `${say("snapshot")} ${status.head}`].filter(Boolean).join(" · ");
}

function showTiles(status) {
  const tiles = [
    ["rate", isNumber(state.rate) ? figure(state.rate, state.rate < 10 ? 1 : 0) : say("unknown")], ["lagTile", figure(status.lag)],
    ["delay", span(status.watermark_delay_ms)], ["lastData", span(status.last_data_age_ms)], ["examples", figure(status.examples)],
    ["offered", figure(status.recommendations_published)], ["waiting", figure(status.publishing?.waiting)], ["open", figure(status.open_examples)],
    ["items", figure(status.items)], ["shoppers", figure(status.shoppers)], ["activity", status.activity],
  ];
  show(byId("tiles"), tiles, () => tiles.map(([name, value]) => el("div", {}, el("dt", {}, say(name)), el("dd", { id: `tile-${name}` }, value))));
  const clock = (at) => new Date(at).toLocaleTimeString(locale(), { hour12: false });
  for (const [id, key, name] of [["throughput", "rate", "throughputChart"], ["lag", "lag", "lagChart"]]) {
    const points = state.samples.filter((s) => isNumber(s[key])).map((s) => [s.at, s[key]]);
    const place = byId(id);
    show(place, points, () => (points.length > 1 ? lineChart(place, { name: say(name), series: [{ points }], x: clock, y: (v) => figure(v), low: 0, height: 130 }) : empty("loading")));
  }
}

function showLearning(history) {
  const windows = history.windows, heads = [...new Set(windows.flatMap((w) => Object.keys(w.progressive)))].sort().reverse();
  if (!heads.includes(state.head)) state.head = heads[0];
  show(byId("heads"), [heads, state.head], () => heads.map((head) => el("button", { type: "button", "data-key": head, "aria-pressed": String(head === state.head), onclick: () => { state.head = head; showLearning(history); } }, say(head))));
  const rows = windows.filter((w) => w.progressive[state.head]).map((w) => ({ window: w, score: w.progressive[state.head] }));
  const middle = (row) => (row.window.from + row.window.to) / 2;
  for (const [id, key, name] of [["ne", "normalized_entropy", "neChart"], ["calibration", "predicted_observed_ratio", "calibrationChart"]]) {
    const points = rows.map((row) => [middle(row), row.score[key]]), place = byId(id);
    show(place, [points, state.head], () => (points.some((p) => isNumber(p[1])) ? lineChart(place, { name: say(name), series: [{ points }], refs: [1], x: (v) => figure(v), y: (v) => figure(v, 2), dots: true }) : empty("noWindows")));
  }
  show(byId("windows"), [rows, state.head], () => table(
    [[say("window"), "n"], [say("time"), "t"], [say("count"), "n"], [say("baseRate"), "n"], [say("ne"), "n"], ["AUC", "n"], ["ECE", "n"], [say("ratio"), "n"]],
    rows.map(({ window, score }) => [`${figure(window.from)} – ${figure(window.to)}`, moment(window.to_ts), figure(score.count), percent(score.positives / score.count), figure(score.normalized_entropy, 4), figure(score.auc, 4), figure(score.ece, 4), figure(score.predicted_observed_ratio, 3)])));
}

function showEffects(answer) {
  const place = byId("effects");
  show(place, answer, () => {
    const parts = [["ofPurchases", answer.effects], ["ofViews", answer.view_effects]].filter(([, report]) => report);
    if (!parts.length) return empty("noEffects");
    return parts.flatMap(([title, report]) => {
      const row = (name, slope) => ({ name, value: slope.unconstrained, deviation: slope.deviation, served: slope.served });
      const order = (a, b) => b[1].served - a[1].served || (a[0] < b[0] ? -1 : 1);
      const rows = [row(say("step"), report.step), row(say("slope"), report.slope),
        ...Object.entries(report.categories).sort(order).slice(0, 24).map(([name, slope]) => row(name, slope)),
        ...Object.entries(report.contexts).sort(order).slice(0, 16).map(([name, slope]) => row(`${say("inContext")} ${name}`, slope))];
      return [el("h3", {}, say(title)), intervals(place, say(title), rows),
        el("p", { class: "note" }, say("spread", { n: figure(report.shopper_deviation, 3), rows: figure(report.rows), decided: figure(report.decided_rows) })),
        ...[["promisedNone", report.undiscounted], ["promised", report.discounted]].filter(([, promise]) => promise.rows >= 1)
          .map(([name, promise]) => el("p", { class: "note" }, say(name, { e: percent(promise.expected), b: percent(promise.bought), n: figure(promise.rows, 0) }))),
        el("details", {}, el("summary", {}, say("figures")), el("div", { class: "scroll", tabindex: 0 }, table([["", ""], [say("slope"), "n"], [say("interval"), "n"], [say("served"), "n"]],
          rows.map((r) => [r.name, figure(r.value, 3), `${figure(r.value - 1.96 * r.deviation, 3)} – ${figure(r.value + 1.96 * r.deviation, 3)}`, figure(r.served, 3)]))))];
    });
  });
}

/** Each budget by what it limits: money, purchases, or both. */
function showBudgets(status) {
  const budgets = status.budgets ?? [];
  byId("budgets-section").hidden = !budgets.length;
  show(byId("budgets"), budgets, () => table(
    [[say("budget"), ""], [say("period"), ""], [say("limit"), "n"], [say("spent"), "n"], [say("reserved"), "n"], [say("left"), "n"], [say("multiplier"), "n"]],
    budgets.flatMap((budget) => ["spend", "uses"].filter((name) => budget[name]).map((name) => {
      const part = budget[name], amount = (value) => figure(value, name === "spend" ? 2 : 0);
      return [`${budget.name}: ${say(name)}`, say(budget.period) + (budget.from ? `, ${moment(Date.parse(budget.from))} – ${moment(Date.parse(budget.until))}` : ""),
        amount(part.limit), amount(part.spent), amount(part.reserved), amount(part.left), figure(part.multiplier, 3)];
    }))));
}

/** Items whose deep discounts wait for a person's word, and what was said. */
function showApprovals(answer) {
  const entries = answer.approvals;
  byId("approvals-section").hidden = !entries.length;
  show(byId("approvals"), [entries, state.status?.operable], () => table(
    [[say("item"), ""], [say("wished"), "n"], [say("decisions"), "n"], [say("gain"), "n"], [say("firstAt"), "t wide"], [say("said"), ""], ["", ""]],
    entries.map((entry) => {
      const { wish, answer: word } = entry, buttons = ["approve", "decline"].map((act) => el("button", { type: "button", "data-key": `${act} ${entry.item_id}`, disabled: !state.status?.operable, onclick: () => openApproval(entry, act) }, say(act)));
      return [entry.title ? `${entry.title} (${entry.item_id})` : entry.item_id, wish ? percent(wish.discount, 0) : "–", wish ? figure(wish.decisions) : "–", wish ? figure(wish.incremental_margin, 2) : "–", wish ? moment(wish.first_at) : "–",
        word ? (word.discount > 0 ? say("saidUpTo", { d: percent(word.discount, 0), t: moment(word.until) }) : say("saidNo", { t: moment(word.until) })) : "–", buttons];
    })));
}

const LANES = ["laneRefresh", "laneGate", "laneDrift", "laneShift", "laneSnapshot", "laneTrouble"];
function lane(event) {
  if (event.kind === "judged") return event.judgement?.shift ? "laneShift" : "laneGate";
  if (event.kind.startsWith("refresh")) return "laneRefresh";
  if (["drift_found", "answers_changed", "bought_otherwise"].includes(event.kind)) return "laneDrift";
  if (["snapshot", "kept_whole", "went_back", "resumed"].includes(event.kind)) return "laneSnapshot";
  return ["warning", "error"].includes(event.level) ? "laneTrouble" : null;
}

function showEvents(history) {
  const events = history.events.filter((event) => event.kind !== "dead_letter" && lane(event)), place = byId("axis");
  show(place, events, () => {
    if (!events.length) return empty("noEvents");
    const used = LANES.filter((name) => events.some((event) => lane(event) === name));
    return timeAxis(place, say("events"), used.map((name) => say(name)), events.map((event) => ({
      lane: used.indexOf(lane(event)), at: event.at, text: `${moment(event.at)}: ${event.text}`,
      cls: event.level === "info" ? (event.judgement?.outcome === "promote" ? "good" : event.judgement?.outcome === "reject" ? "w" : "") : event.level,
    })));
  });
  show(byId("happened"), events, () => (events.length ? table([[say("time"), "t"], [say("kind"), "wide"], [say("what"), ""]],
    [...events].reverse().slice(0, 60).map((event) => [moment(event.at), say(lane(event)), el("span", { class: event.level === "error" ? "error" : event.level === "warning" ? "warning" : "" }, event.text)])) : null));
}

function showLetters(status, history) {
  const reasons = Object.entries(status?.events?.dead_letter_reasons || {}).sort((a, b) => b[1] - a[1]);
  const examples = (history?.events || []).filter((event) => event.kind === "dead_letter").reverse().slice(0, 10);
  show(byId("letters"), [reasons, examples], () => {
    if (!reasons.length) return empty("noLetters");
    const most = reasons[0][1];
    return [table([[say("reason"), ""], [say("total"), "n"], ["", "wide"]], reasons.map(([reason, count]) => {
      const bar = el("span", { class: "bar" });
      bar.style.width = `${Math.round((180 * count) / most)}px`;
      return [el("code", {}, reason), figure(count), bar];
    })), examples.length ? el("h3", {}, say("newestLetters")) : null, examples.length ? el("div", { class: "scroll", tabindex: 0 }, table([[say("time"), "t"], [say("what"), ""]], examples.map((event) => [moment(event.at), event.text]))) : null];
  });
}

function showSnapshots(snapshots) {
  const place = byId("timeline"), now = Date.now(), chosen = state.chosen;
  const key = [snapshots.map((s) => [s.id, s.tags, s.head, s.champion, s.champion_times, s.rewindable, s.whole]), chosen];
  show(place, key, () => {
    if (!snapshots.length) return empty("noSnapshots");
    const oldest = Math.min(...snapshots.map((s) => Date.parse(s.created)));
    const spans = snapshots.flatMap((s) => s.champion_times.map((t) => ({ lane: 0, from: Math.max(oldest, Date.parse(t.from)), until: t.until ? Date.parse(t.until) : now, label: s.id.slice(0, 8), text: `${s.id}: ${moment(t.from)} – ${t.until ? moment(t.until) : say("now2")}` }))).filter((s) => s.until > s.from);
    return timeAxis(place, say("snapshots"), [say("championTimes"), say("snapshots")], snapshots.map((s) => ({
      lane: 1, at: Date.parse(s.created), cls: s.head ? "good" : s.tags.length ? "" : "plain", text: `${s.id} ${s.tags.join(", ")} ${moment(s.created)}`, chosen: chosen.includes(s.id), pick: () => choose(s.id),
    })), spans);
  });
  show(byId("snapshots"), key, () => snapshots.length && table(
    [[say("compare"), ""], [say("snapshot"), ""], [say("taken"), "t"], [say("upTo"), "t wide"], [say("names"), ""], [say("championTimes"), "t wide"], ["", ""]],
    snapshots.map((s) => [
      el("input", { type: "checkbox", "data-key": `c${s.id}`, "aria-label": `${say("compare")} ${s.id}`, onchange: () => choose(s.id), checked: chosen.includes(s.id) }),
      el("code", {}, s.id), moment(s.created), moment(s.event_time),
      [s.head && "head", s.champion && "champion", ...s.tags, s.whole && say("kept")].filter(Boolean).map((name) => el("span", { class: "tag" }, name)),
      s.champion_times.map((t) => `${moment(t.from)} – ${t.until ? moment(t.until) : say("now2")}`).join("; "),
      el("button", { type: "button", class: "danger", "data-key": `r${s.id}`, disabled: !state.status?.operable, onclick: () => openRollback(s) }, say("rollback")),
    ])));
}

function choose(id) {
  state.chosen = state.chosen.includes(id) ? state.chosen.filter((other) => other !== id) : [...state.chosen, id].slice(-2);
  showSnapshots(state.snapshots);
  showDiff();
}

async function showDiff() {
  const place = byId("diff");
  if (state.chosen.length < 2) return place.replaceChildren();
  const taken = (id) => state.snapshots.find((s) => s.id === id)?.sequence ?? 0;
  const [from, to] = [...state.chosen].sort((a, b) => taken(a) - taken(b));
  let diff;
  try { diff = await ask(`v1/snapshots/${from}/diff/${to}`); } catch (error) { return place.replaceChildren(el("p", { class: "error" }, error.message)); }
  const change = (changes, title) => {
    const rows = Object.entries(changes).sort((a, b) => (a[0] < b[0] ? -1 : 1));
    const digits = (value) => (Number.isInteger(value) ? 0 : 5);
    return rows.length ? table([[title, ""], [say("before"), "n"], [say("after"), "n"]], rows.map(([name, c]) => [name, isNumber(c.from) ? figure(c.from, digits(c.from)) : "–", isNumber(c.to) ? figure(c.to, digits(c.to)) : "–"])) : null;
  };
  place.replaceChildren(el("h3", {}, say("diffOf", { a: diff.from, b: diff.to, n: figure(diff.commits) })), el("div", { class: "scroll", tabindex: 0 },
    ...[diff.tables.length && table([[say("table"), ""], [say("changed"), "n"], [say("added"), "n"], [say("removed"), "n"]], diff.tables.map((t) => [t.name, figure(t.rows_changed), figure(t.rows_added), figure(t.rows_removed)])),
      change(diff.metrics, say("metric")), change(diff.counters, say("total")),
      diff.offsets.length && table([[say("partition"), ""], [say("before"), "n"], [say("after"), "n"]], diff.offsets.map((o) => [`${o.topic}:${o.partition}`, isNumber(o.from) ? figure(o.from) : "–", isNumber(o.to) ? figure(o.to) : "–"])),
      el("p", {}, `${say("configuration")}: ${diff.configuration.length ? diff.configuration.join("; ") : say("same")}`)].filter(Boolean)));
}

function showOffers(answer) {
  const offers = [...answer.recommendations].reverse();
  show(byId("offers"), offers, () => (offers.length ? table(
    [[say("shopper"), ""], [say("item"), ""], [say("discount"), "n"], [say("newPrice"), "n"], [say("conversion"), "n"], [say("gain"), "n wide"], [say("policy"), "wide"], [say("reasons"), "wide"], ["", ""]],
    offers.map((o) => [o.user_id, o.item_id, percent(o.discount, 0), figure(o.price, 2), percent(o.expected_conversion, 2), isNumber(o.incremental_margin) ? figure(o.incremental_margin, 3) : "–",
      [o.policy, o.holdout && `(${say("holdout")})`, ...o.rules].filter(Boolean).join(", "), o.reasons.slice(0, 3).map((r) => `${r.name} ${r.logit > 0 ? "+" : ""}${figure(r.logit, 2)}`).join("; "),
      el("button", { type: "button", "data-key": o.recommendation_id, onclick: () => askAbout(o) }, say("askAbout"))])) : empty("noOffers")));
}

function showAudit(answer) {
  show(byId("audit"), answer.entries, () => (answer.entries.length ? table([[say("at"), "t"], [say("action"), ""], [say("by"), ""], [say("reason"), ""]], answer.entries.map((e) => [moment(e.at), e.action, e.who, e.reason])) : empty("noAudit")));
}
