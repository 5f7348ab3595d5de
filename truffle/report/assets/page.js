// The page: its controls, and drawing it anew when the reader chose something else.
const root = document.getElementById("report");
const parts_ = {};

function select(name, title, choices) {
  const id = `choose-${name}`;
  return el("div", { class: "field" }, el("label", { for: id }, title),
    el("select", { id, onchange: (event) => change(name, event.target.value) },
      choices.map(([value, text]) => el("option", { value }, text))));
}

function values(name) {
  const found = [...new Set(data.rows.map(FIELDS[name]))].sort();
  return [["", "All"], ...found.map((value) => [value, TYPES[value] || value])];
}

const TYPES = { odcr: "ODCRs", "capacity-block": "Capacity blocks" };

function toolbar() {
  let timer = 0;
  const later = (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => change("q", event.target.value), 120);
  };
  return el("form", { id: "toolbar", role: "search", "aria-label": "Reservations",
    onsubmit: (event) => event.preventDefault() },
    el("div", { class: "field wide" }, el("label", { for: "search" }, "Search"),
      el("input", { id: "search", type: "search", placeholder: "Name, id, tag, type, region",
        autocomplete: "off", spellcheck: "false", oninput: later })),
    select("type", "Kind", values("type")),
    select("state", "State", values("state")),
    select("accelerator", "Accelerator", values("accelerator")),
    select("account", "Account", values("account")),
    select("region", "Region", values("region")),
    select("group", "Group by", GROUPS),
    select("sort", "Sort by", SORTS),
    el("p", { id: "matching", role: "status" }));
}

function setControls() {
  const search = document.getElementById("search");
  if (search.value !== state.q) search.value = state.q;
  for (const name of ["type", "state", "accelerator", "account", "region", "group", "sort"]) {
    const control = document.getElementById(`choose-${name}`);
    if (state[name] && ![...control.options].some((option) => option.value === state[name])) {
      control.append(el("option", { value: state[name] }, state[name]));
    }
    control.value = state[name];
  }
}

function change(name, value) {
  state[name] = value;
  writeFragment();
  draw();
}

function reset() {
  Object.assign(state, { ...DEFAULTS, tz: state.tz, group: state.group, sort: state.sort });
  writeFragment();
  draw();
}

function matching(rows) {
  const node = document.getElementById("matching");
  const text = isFiltered()
    ? `${number(rows.length)} of ${plural(data.rows.length, "reservation")}`
    : plural(data.rows.length, "reservation");
  node.replaceChildren(text, isFiltered()
    ? el("button", { type: "button", class: "plain", onclick: reset }, "Clear filters") : "");
}

function put(name, node) {
  const holder = parts_[name];
  const opened = new Set([...holder.querySelectorAll("details[open] > summary")]
    .map((summary) => summary.textContent));
  const focused = holder.contains(document.activeElement) ? document.activeElement.textContent : null;
  holder.replaceChildren(...[node].flat().filter(Boolean));
  for (const summary of holder.querySelectorAll("details > summary")) {
    if (opened.has(summary.textContent)) {
      summary.parentElement.open = true;
      summary.parentElement.fill?.();
    }
  }
  if (focused !== null) {
    [...holder.querySelectorAll("button")].find((each) => each.textContent === focused)?.focus();
  }
}

function draw() {
  setControls();
  const wanted = words();
  const rows = data.rows.filter((row) => matches(row, wanted));
  matching(rows);
  put("header", header());
  put("failures", failures());
  put("decisions", decisionSection(rows));
  put("totals", totals(rows));
  put("blocks", blockSection(rows));
  put("odcrs", odcrSection(rows));
  put("market", marketSection());
  put("events", eventSection(rows));
}

function start() {
  readFragment();
  for (const name of ["header", "failures", "decisions", "totals", "blocks", "odcrs", "market", "events"]) {
    parts_[name] = el("div", { class: "part", id: `part-${name}` });
  }
  const { header: top, failures: notice, ...others } = parts_;
  root.replaceChildren(patterns(), top, el("main", {}, notice, toolbar(), ...Object.values(others)),
    el("footer", {}, el("p", {}, "Created by truffle. This file loads nothing and sends nothing; "
      + "it shows the data known at its creation.")));
  draw();
  addEventListener("beforeprint", () => {
    for (const rest of document.querySelectorAll("details.rest")) {
      rest.open = true;
      rest.fill?.();
    }
  });
  addEventListener("hashchange", () => { readFragment(); draw(); });
  if (data.refresh_seconds !== null) {
    setInterval(() => { if (!document.hidden) location.reload(); }, data.refresh_seconds * 1000);
  }
}

start();
