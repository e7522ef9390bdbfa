"use strict";
// What the page knows, and when it asks again.
const state = { status: null, history: null, snapshots: [], chosen: [], head: "purchase", samples: [], rate: null, answeredAt: null, failure: null };
const SAMPLES_MAX = 300;

/** The daemon's answer; a body makes it a POST, a key one that is done once. Throws an Error with the daemon's own sentence. */
async function ask(path, body, key) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = `"${key}"`;
  const response = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), cache: "no-store", signal: AbortSignal.timeout(60_000) });
  const text = await response.text();
  let answer = null;
  try { answer = JSON.parse(text); } catch { answer = null; }
  if (!response.ok) {
    if (response.status === 401 && body) token = null;
    throw Object.assign(new Error(answer?.error || `HTTP ${response.status}`), { status: response.status });
  }
  return answer;
}

function sample(status) {
  const now = Date.now(), read = status.events?.read, before = state.samples.at(-1);
  if (isNumber(read)) {
    // Over the last ten seconds, so that single batches do not make it jump.
    const base = state.samples.find((s) => now - s.at <= 11_000) ?? before;
    state.rate = base && now > base.at && read >= base.read ? (1000 * (read - base.read)) / (now - base.at) : null;
    state.samples.push({ at: now, read, rate: state.rate, lag: status.lag });
    if (state.samples.length > SAMPLES_MAX) state.samples.shift();
  }
}

function showAge() {
  byId("age").textContent = state.answeredAt ? say("updated", { t: say("ago", { n: Math.max(0, Math.round((Date.now() - state.answeredAt) / 1000)) }) }) : "";
  if (!state.failure) return;
  byId("health").className = "bad";
  byId("verdict").textContent = state.failure.status === 401 ? say("locked") : say("lost", { t: state.answeredAt ? moment(state.answeredAt) : "–", r: state.failure.message });
}

function showAll() {
  const { status, history } = state;
  if (status) { showHealth(status); showTiles(status); showControls(status); showBudgets(status); }
  if (history) { showLearning(history); showEvents(history); }
  if (status) showLetters(status, history);
  if (state.effects) showEffects(state.effects);
  if (state.offers) showOffers(state.offers);
  if (state.approvals) showApprovals(state.approvals);
  if (state.audit) showAudit(state.audit);
  if (status) showSnapshots(state.snapshots);
  showAge();
}

let round = 0, isAsking = false;
async function refresh(everything = false) {
  if (isAsking && !everything) return;
  isAsking = true;
  try {
    const status = await ask("v1/status");
    const isNew = status.head !== state.status?.head;
    Object.assign(state, { status, failure: null, answeredAt: Date.now() });
    sample(status);
    if (status.events && (everything || round % 3 === 0 || isNew)) {
      [state.history, state.effects, state.offers] = await Promise.all([ask("v1/history"), ask("v1/effects"), ask("v1/recommendations")]);
    }
    if (status.store && (everything || round % 5 === 0 || isNew)) {
      state.snapshots = (await ask("v1/snapshots?limit=60")).snapshots;
      state.approvals = await ask("v1/approvals");
      state.audit = await ask("v1/audit?limit=30");
    }
    round += 1;
  } catch (error) {
    state.failure = error;
    if (error.status === 401 && !byId("dialog").open && round === 0) { round = 1; openToken(); }
  }
  isAsking = false;
  showAll();
}

function speak() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(element.dataset.label));
  byId("language").textContent = say("other");
  byId("language").lang = language === "zh" ? "en" : "zh-CN";
  if (!state.answeredAt) byId("verdict").textContent = say("loading");
  byId("answer").replaceChildren();
}

byId("language").addEventListener("click", () => { language = language === "zh" ? "en" : "zh"; speak(); showAll(); });
byId("enter").addEventListener("click", openToken);
byId("question").addEventListener("submit", submitQuestion);
let resizing = 0;
window.addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(showAll, 150); });
setInterval(showAge, 1000);
setInterval(() => { if (!document.hidden) refresh(); }, 2000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
speak();
refresh();
