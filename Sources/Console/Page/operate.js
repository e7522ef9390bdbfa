"use strict";
// What changes something: each asks for a reason, and for the token, which stays in this page's memory.
let token = null;

/** Asks under one key for each thing that is confirmed: a second click gets the first one's answer. */
function confirming() {
  const keys = new Map();
  return (path, body) => {
    const said = JSON.stringify([path, body]);
    // crypto.randomUUID is not there on plain HTTP from another machine.
    if (!keys.has(said)) keys.set(said, [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join(""));
    return ask(path, body, keys.get(said));
  };
}

/** Opens the dialog: fields [name, label, kind, value], act(values, out, form, change) does it; what it throws is shown. */
function openDialog(title, fields, buttons) {
  const change = confirming();
  const dialog = byId("dialog");
  const inputs = fields.map(([name, label, kind = "text", value = ""]) => {
    const input = el("input", { name, type: kind, value: kind === "checkbox" ? null : value, autocomplete: "off", "data-key": name });
    return kind === "checkbox" ? el("label", { class: "check" }, input, say(label)) : el("label", {}, say(label), input);
  });
  const out = el("div", { "aria-live": "polite" });
  const form = el("form", { method: "dialog" }, el("h2", { id: "dialog-h" }, title), ...inputs, out);
  const values = () => Object.fromEntries([...form.querySelectorAll("input")].map((input) => [input.name, input.type === "checkbox" ? input.checked : input.value.trim()]));
  const row = el("div", { class: "buttons" });
  for (const { label, act, cls, disabled } of buttons) {
    const button = el("button", { type: "button", class: cls, "data-act": label, disabled }, say(label));
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        if (values().secret) token = values().secret;
        await act(values(), out, form, change);
      } catch (error) { out.replaceChildren(el("p", { class: "error" }, error.message)); }
      button.disabled = false;
    });
    row.append(button);
  }
  row.append(el("button", { type: "button", onclick: () => dialog.close() }, say("cancel")));
  form.append(row);
  form.addEventListener("submit", (event) => event.preventDefault());
  dialog.replaceChildren(form);
  dialog.showModal();
}

const secretField = () => (token ? [] : [["secret", "secret", "password"]]);
const withName = (values, body) => (values.who ? { ...body, who: values.who } : body);

function openToken() {
  openDialog(say("token"), [["secret", "secret", "password"]], [{ label: "save", cls: "strong", act: async () => { byId("dialog").close(); await refresh(true); } }]);
  byId("dialog").querySelector("form").insertBefore(el("p", { class: "note" }, say("secretNote")), byId("dialog").querySelector(".buttons"));
}

function openPause(part, pauses) {
  const title = say(`${pauses ? "pause" : "resume"}${part === "learning" ? "Learning" : "Publishing"}`);
  openDialog(title, [["reason", "reason"], ["who", "who"], ...secretField()], [{
    label: "confirm", cls: "strong", act: async (values, out, form, change) => {
      const body = values.reason ? { reason: values.reason } : {};
      await change(`v1/${part}/${pauses ? "pause" : "resume"}`, withName(values, body));
      out.replaceChildren(el("p", {}, say("done")));
      byId("dialog").close();
      await refresh(true);
    },
  }]);
}

function openTake() {
  openDialog(say("take"), [["tags", "names2"], ["who", "who"], ...secretField()], [{
    label: "confirm", cls: "strong", act: async (values, out, form, change) => {
      await change("v1/snapshots", withName(values, { tags: values.tags.split(/\s+/).filter(Boolean) }));
      byId("dialog").close();
      await refresh(true);
    },
  }]);
}

function openApproval(entry, act) {
  const approves = act === "approve", depth = entry.wish?.discount ?? entry.answer?.discount ?? "";
  openDialog(say(`${act}Of`, { i: entry.title ?? entry.item_id }), [...(approves ? [["up_to", "deepest", "text", depth]] : []), ["until", "until"], ["reason", "reason"], ["who", "who"], ...secretField()], [{
    label: "confirm", cls: "strong", act: async (values, out, form, change) => {
      const upTo = Number(String(values.up_to ?? "").replace(",", "."));
      if (approves && !(upTo > 0 && upTo < 1)) throw new Error(say("fraction"));
      const body = approves ? { up_to: upTo } : { decline: true };
      await change(`v1/approvals/${encodeURIComponent(entry.item_id)}`, withName(values, { ...body, ...(values.until ? { until: values.until } : {}), ...(values.reason ? { reason: values.reason } : {}) }));
      byId("dialog").close();
      await refresh(true);
    },
  }]);
}

function openRollback(snapshot) {
  const body = (values, dryRun) => withName(values, {
    ref: snapshot.id, rewind: values.rewind, skip: values.skip.split(/[\s,]+/).filter(Boolean), dry_run: dryRun, ...(values.reason ? { reason: values.reason } : {}),
  });
  const count = (outcome) => outcome.tables.map((t) => [t.name, t.rows_changed + t.rows_added + t.rows_removed]).filter(([, n]) => n > 0).map(([name, n]) => `${name} ${figure(n)}`).join(", ") || "0";
  let tried = "";
  const title = say("rollbackTo", { s: snapshot.id });
  openDialog(title, [["rewind", "rewind", "checkbox"], ["skip", "skipField"], ["reason", "reason"], ["who", "who"], ...secretField()], [
    { label: "dryRun", act: async (values, out, form) => {
      const outcome = await ask("v1/rollback", body(values, true));
      tried = JSON.stringify([values.rewind, values.skip]);
      out.replaceChildren(el("p", {}, say("wouldGo", { h: outcome.head ?? "–", s: outcome.target, t: moment(outcome.target_taken_ms), n: figure(outcome.commits_since), r: count(outcome) })));
      if (outcome.offsets.length) out.append(el("p", {}, say("offsetsBack", { o: outcome.offsets.map((o) => `${o.topic}:${o.partition} ${o.now} → ${o.then}`).join(", ") })));
      form.querySelector("[data-act=confirm]").disabled = false;
    } },
    { label: "confirm", cls: "danger", disabled: true, act: async (values, out, form, change) => {
      if (tried !== JSON.stringify([values.rewind, values.skip])) throw new Error(say("first"));
      const outcome = await change("v1/rollback", body(values, false));
      out.replaceChildren(el("p", { id: "went" }, say("went", { s: outcome.snapshot })));
      await refresh(true);
    } },
  ]);
}

function showControls(status) {
  const place = byId("controls");
  show(place, [status.operable, !!status.paused.learning, !!status.paused.publishing], () => (status.operable ? [
    ...["learning", "publishing"].map((part) => {
      const pauses = !status.paused[part];
      return el("button", { type: "button", "data-key": part, class: pauses ? "" : "strong", onclick: () => openPause(part, pauses) }, say(`${pauses ? "pause" : "resume"}${part === "learning" ? "Learning" : "Publishing"}`));
    }), el("button", { type: "button", "data-key": "take", onclick: openTake }, say("take")),
  ] : el("span", { class: "note" }, say("inoperable"))));
}

// What if: the answer, and a depth to look at.
function askAbout(offer) {
  const form = byId("question");
  form.elements.user_id.value = offer.user_id;
  form.elements.item_id.value = offer.item_id;
  form.elements.price.value = offer.list_price;
  form.requestSubmit();
  form.scrollIntoView({ block: "center" });
}

function question() {
  const form = byId("question"), context = {};
  for (const pair of form.elements.context.value.split(/[\s,;]+/).filter(Boolean)) {
    const [key, ...rest] = pair.split("="), value = rest.join("=");
    context[key] = value !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
  }
  const body = { user: form.elements.user_id.value, item: form.elements.item_id.value };
  if (form.elements.price.value.trim()) body.price = Number(form.elements.price.value.replace(",", "."));
  if (Object.keys(context).length) body.context = context;
  return body;
}

async function submitQuestion(event) {
  event.preventDefault();
  const place = byId("answer");
  try { showAnswer(place, await ask("v1/recommend", question())); } catch (error) { place.replaceChildren(el("p", { class: "error" }, error.message)); }
}

function showAnswer(place, answer) {
  const offer = answer.recommendation, demand = answer.demand;
  const price = (value) => figure(value, 2);
  const around = (point, sign) => 1 / (1 + Math.exp(-(Math.log(point.conversion / (1 - point.conversion)) + sign * 1.96 * point.logit_deviation)));
  const words = [offer.discount > 0 ? say("advice", { d: percent(offer.discount), p: price(offer.price), l: price(offer.list_price) }) : say("advice0", { p: price(offer.list_price) }),
    offer.holdout && say("holdout"), offer.rules.length && say("rules", { r: offer.rules.join(", ") }), !answer.item_known && say("unknownItem"), say("known", { c: figure(answer.clicks), p: figure(answer.purchases) })].filter(Boolean);
  const slider = el("input", { type: "range", min: 0, max: demand.length - 1, step: 1, id: "depth" });
  const nearest = demand.reduce((best, point, index) => (Math.abs(point.discount - offer.discount) < Math.abs(demand[best].discount - offer.discount) ? index : best), 0);
  slider.value = nearest;
  const out = el("p", { "aria-live": "polite" });
  const tell = () => {
    const point = demand[Number(slider.value)], at = offer.list_price * (1 - point.discount);
    const margin = isNumber(point.expected_margin) ? say("marginAt", { m: figure(point.expected_margin, 3) }) : "";
    out.textContent = say("atDepth", { d: percent(point.discount, 0), p: price(at), c: percent(point.conversion, 2), lo: percent(around(point, -1), 2), hi: percent(around(point, 1), 2), m: margin });
  };
  slider.addEventListener("input", tell);
  tell();
  const chart = lineChart(place, { name: say("demandChart"), series: [{ points: demand.map((p) => [p.discount, p.conversion, around(p, -1), around(p, 1)]) }], x: (v) => percent(v, 0), y: (v) => percent(v, 1), low: 0, dots: true, height: 190, marks: [[demand[nearest].discount, demand[nearest].conversion]] });
  place.replaceChildren(el("p", {}, el("strong", {}, answer.title ? `${answer.title} (${offer.item_id})` : offer.item_id), ` – ${offer.user_id}: ${words.join("; ")}.`), chart,
    el("label", {}, say("depth"), slider), out,
    el("div", { class: "scroll", tabindex: 0 }, table([[say("reasons"), ""], ["logit", "n"]], offer.reasons.map((r) => [r.name, `${r.logit > 0 ? "+" : ""}${figure(r.logit, 3)}`]))));
}
