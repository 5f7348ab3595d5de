// The sections of the page, from top to bottom; each takes the rows that match.
const section = (id, title, note, ...children) =>
  el("section", { id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title, note && el("span", { class: "count" }, note)), children);

// A table with its roles spelt out: on a narrow page its rows are laid out as cards, and a browser
// may then no longer know it for a table.
function table(label, columns, rows, most = 500) {
  const shown = rows.slice(0, most);
  return [
    el("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": label },
      el("table", { role: "table" },
        el("caption", { class: "unseen" }, label),
        el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, columns.map(([title, , kind]) =>
          el("th", { scope: "col", role: "columnheader", class: kind }, title)))),
        el("tbody", { role: "rowgroup" }, shown.map((row) => el("tr", { role: "row" },
          columns.map(([title, cell, kind], index) => (index
            ? el("td", { role: "cell", class: kind, "data-title": title }, el("div", {}, cell(row)))
            : el("th", { scope: "row", role: "rowheader", class: kind }, cell(row))))))))),
    rows.length > most && el("p", { class: "note" },
      `The first ${number(most)} of ${number(rows.length)}: search or filter to see others.`),
  ];
}

// Details whose content is made when they are opened, where there is much of it.
function folded(summary, content, properties) {
  const node = el("details", properties, el("summary", {}, summary));
  node.fill = () => {
    node.fill = () => {};
    node.append(...[content()].flat(Infinity).filter(Boolean));
  };
  node.addEventListener("toggle", () => node.open && node.fill());
  if (data.rows.length <= EAGER_ROWS) node.fill();
  return node;
}

const console_ = (row) =>
  link(row.url, quoted(row.name || row.id), `${row.name || row.id} in the EC2 console`);

// --- how old, how complete -----------------------------------------------------------------------

function age() {
  if (data.observed_at === null) return "Nothing listed yet";
  const at = time(data.observed_at);
  return `Data as of ${minute(at)} ${zoneName()} (${fromNow(at)})`;
}

const isOld = () => data.observed_at === null || NOW - time(data.observed_at) > 2 * HOUR;

function header() {
  const answered = data.scopes - data.all_failed;
  return el("header", {},
    el("div", {},
      el("h1", {}, "GPU capacity"),
      el("p", { class: isOld() ? "age old" : "age" }, age()),
      el("p", { class: "more" }, `${number(answered)} of ${plural(data.scopes, "scope")} listed`,
        data.closed ? `, ${number(data.closed)} closed as expected` : "", " · ", quoted(data.source))),
    el("div", { class: "actions" },
      el("button", { type: "button", id: "zone", "aria-pressed": String(state.tz === "local"),
        onclick: () => change("tz", state.tz === "utc" ? "local" : "utc") }, "Local time"),
      data.refresh_seconds !== null &&
        el("button", { type: "button", onclick: () => location.reload() }, "Reload")));
}

// Decisions, blocks and idle capacity are in the file before anything else is.
function leftOut() {
  const held = sum(Object.values(data.left_out.accelerators).map((amounts) => amounts[0]));
  return `${plural(data.left_out.reservations, "reservation")} with ${plural(held, "active accelerator")} `
    + "left out to limit the size of this file: choose one region, account or type.";
}

function failures() {
  if (!data.failed.length && !data.warnings.length && !data.left_out) return null;
  const seen = (scope) => scope.last_success === null
    ? "no data" : `shown as of ${minute(time(scope.last_success))}`;
  return el("section", { id: "failures", class: "notice", "aria-label": "Incomplete data" },
    data.failed.length ? el("h2", {}, `${plural(data.all_failed, "scope")} could not be listed`) : null,
    data.failed.length ? el("p", {}, "Reservations there may be missing or out of date.") : null,
    el("ul", {},
      data.failed.slice(0, 20).map((scope) => el("li", {},
        el("strong", {}, quoted([scope.account, scope.region].filter(Boolean).join("/"))), " ",
        el("code", {}, scope.code), scope.message ? [" ", quoted(scope.message)] : "",
        " · ", seen(scope))),
      data.warnings.map((warning) => el("li", {}, quoted(warning))),
      data.left_out && el("li", {}, leftOut())),
    data.failed.length > 20 && el("details", {},
      el("summary", {}, `${number(data.all_failed - 20)} more`),
      el("p", {}, data.failed.slice(20).map((scope, index) =>
        `${index ? ", " : ""}${[scope.account, scope.region].filter(Boolean).join("/")} (${scope.code})`),
        data.all_failed > data.failed.length
          ? ` and ${number(data.all_failed - data.failed.length)} not named here` : "")));
}

// --- decisions -----------------------------------------------------------------------------------

function until(each) {
  if (each.deadline === null) {
    return [el("strong", {}, "No deadline"), el("span", { class: "more" }, "costs until changed")];
  }
  const isPast = each.deadline < NOW;
  const words = Math.abs(each.deadline - NOW) < 60e3 ? "Now"
    : isPast ? `${length(NOW - each.deadline)} ago` : `In ${length(each.deadline - NOW)}`;
  return [el("strong", { class: each.deadline - NOW < DAY ? "soon" : null }, words),
    el("span", { class: "more" }, minute(each.deadline))];
}

function decision(each) {
  const row = rowsById.get(each.id);
  return el("li", { class: `decision ${each.severity}` },
    el("div", { class: "until" }, until(each)),
    el("div", { class: "about" },
      el("p", { class: "title" }, el("span", { class: `kind ${each.severity}` }, each.title), " ",
        quoted(row.name || row.id)),
      el("p", { class: "more" }, what(row), " · ", row.zone || row.region, " · ",
        quoted([row.account, row.name && row.id].filter(Boolean).join(" · "))),
      el("p", {}, [each.why, each.step].filter(Boolean).join(" "))),
    el("div", { class: "do" },
      each.usd_per_hour ? el("strong", {}, `${usd(each.usd_per_hour)}/h idle`) : null,
      link(each.url, each.url ? "Open in EC2" : "", `Open in EC2: ${row.name || row.id}`)));
}

function decisionSection(rows) {
  const ids = new Set(rows.map((row) => row.id));
  const found = data.decisions.filter((each) => ids.has(each.id));
  const first = found.slice(0, 8);
  const others = found.slice(8, MANY_ROWS);
  return section("decisions", "Needs a decision", found.length ? number(found.length) : null,
    found.length ? el("ol", { class: "decisions" }, first.map(decision))
      : el("p", { class: "quiet" }, data.rows.length && !rows.length
        ? "No reservation matches the filter." : "Nothing in the next 7 days."),
    others.length ? folded(`${number(found.length - first.length)} more`,
      () => el("ol", { class: "decisions" }, others.map(decision)), { class: "rest" }) : null);
}

// --- totals --------------------------------------------------------------------------------------

function totals(rows) {
  const counted = rows.filter((row) => row.amounts);
  const unknown = counted.filter((row) => row.amounts.includes(null)).length;
  const of = (some) => [0, 1, 2, 3].map((index) => sum(some.map((row) => row.amounts[index])));
  const [held, used, idle, coming] = of(counted);
  const cost = sum(rows.map((row) => row.usd_per_hour));
  const unpriced = rows.filter((row) => row.idle && row.usd_per_hour === null).length;
  const names = [...new Set(counted.map((row) => row.accelerator))].sort();
  const share = held ? `${Math.round((used / held) * 100)}% of those held` : "";
  const figure = (title, value, note) => el("div", { class: "figure" },
    el("dt", {}, title), el("dd", {}, number(value < 100 ? value : Math.round(value)), el("span", { class: "more" }, note)));
  return section("totals", "Accelerators", isFiltered() ? "filtered" : null,
    el("dl", { class: "figures" },
      figure("Held now", held, "in active reservations"), figure("In use", used, share),
      figure("Idle", idle, [held && `${Math.round((idle / held) * 100)}% of those held`,
        cost && `${unpriced ? "at least " : ""}${usd(cost)} an hour`].filter(Boolean).join(", ")),
      figure("Coming", coming, "scheduled or not paid yet")),
    unknown ? el("p", { class: "note" },
      `${plural(unknown, "reservation")} of unknown size, not counted here.`) : null,
    cost && unpriced ? el("p", { class: "note" },
      `${plural(unpriced, "idle reservation")} of unknown price, not included in the cost.`) : null,
    names.length ? el("details", {}, el("summary", {}, "By accelerator"),
      table("Accelerators by name", [
        ["Accelerator", (name) => name],
        ...["Held", "In use", "Idle", "Coming"].map((title, index) => [title,
          (name) => number(of(counted.filter((row) => row.accelerator === name))[index]), "number"]),
      ], names)) : null);
}

// --- blocks --------------------------------------------------------------------------------------

function toggleGroup(name) {
  const toggled = new Set(state.open.split("\n").filter(Boolean));
  if (!toggled.delete(name)) toggled.add(name);
  change("open", [...toggled].join("\n"));
}

function blockSection(rows) {
  const blocks = rows.filter((row) => row.type !== "odcr" &&
    (row.start === null || row.start < UNTIL) && (row.end === null || row.end > SINCE));
  const groups = new Map();
  for (const row of blocks) {
    const name = FIELDS[state.group](row);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(row);
  }
  const names = [...groups.keys()].sort();
  const isOpen = blocks.length <= FEW_ROWS;
  const canOpen = rows.length <= MANY_ROWS;
  const toggled = new Set(state.open.split("\n"));
  return section("blocks", "Capacity blocks", blocks.length ? number(blocks.length) : null,
    !blocks.length ? el("p", { class: "quiet" }, isFiltered() ? "No block matches the filter." : "No capacity blocks.") : [
      !canOpen && el("p", { class: "note" }, `More than ${number(MANY_ROWS)} reservations: each line is a `
        + "group. Search or filter to see individual blocks."),
      legend(),
      el("div", { class: "timeline" }, axis(),
        names.map((name) => groupOf(name, groups.get(name),
          canOpen && isOpen !== toggled.has(name), canOpen))),
      folded("Show as a table", () => table("Capacity blocks", [
        ["Block", console_], ["Id", (row) => row.id], ["Capacity", what],
        ["State", stateOf], [`Start (${zoneName()})`, (row) => minute(row.start)],
        ["Usable until", (row) => minute(row.effective_end)],
        ["Extend until", (row) => minute(row.deadline)],
        ["Account", (row) => row.account || "–"], ["Zone", (row) => row.zone || row.region],
        ["Idle", (row) => (row.available === null ? "–" : number(row.available)), "number"],
      ], inOrder(blocks))),
    ]);
}

// --- ODCRs ---------------------------------------------------------------------------------------

// The use over time where the source knows it, else of the present alone.
function useOf(row) {
  if (row.used === null || row.available === null) return "–";
  const size = row.used + row.available;
  const label = `${number(row.used)} of ${plural(size, "instance")} in use`;
  const history = row.use.map(([at, used]) => [Date.parse(at), used]);
  const first = history.length ? history[0][0] : NOW;
  const x = (at) => ((at - first) / Math.max(NOW - first, 1)) * 100;
  const steps = history.length
    ? history.map(([at, used], index) => {
      const end = index + 1 < history.length ? history[index + 1][0] : NOW;
      const height = used === null ? 14 : (used / Math.max(size, 1)) * 14;
      return svg("rect", { class: used === null ? "unknown" : "in-use", x: percent(x(at)),
        width: percent(x(end) - x(at)), y: 14 - height, height });
    })
    : svg("rect", { class: "in-use", x: 0, y: 0, height: 14,
      width: percent((row.used / Math.max(size, 1)) * 100) });
  return [svg("svg", { class: "use", height: 14, role: "img", "aria-label": label },
    svg("rect", { class: "whole", width: "100%", height: 14 }), steps),
  el("span", { class: "more" }, `${number(row.used)} of ${number(size)}`)];
}

const SHOWN_ODCRS = 25;

function odcrSection(rows) {
  const odcrs = inOrder(rows.filter((row) => row.type === "odcr"))
    .sort((a, b) => Number(b.idle) - Number(a.idle));
  return section("odcrs", "On-Demand Capacity Reservations", odcrs.length ? number(odcrs.length) : null,
    odcrs.length ? odcrTable(odcrs.slice(0, SHOWN_ODCRS))
      : el("p", { class: "quiet" }, isFiltered() ? "No ODCR matches the filter." : "No ODCRs."),
    odcrs.length > SHOWN_ODCRS ? folded(`${number(odcrs.length - SHOWN_ODCRS)} more`,
      () => odcrTable(odcrs.slice(SHOWN_ODCRS)), { class: "rest" }) : null);
}

function odcrTable(odcrs) {
  const withPrices = data.idle_usd_per_hour !== null;
  return table("On-Demand Capacity Reservations", [
    ["Reservation", (row) => [console_(row), row.name && el("span", { class: "more" }, row.id)]],
    ["Capacity", what],
    [data.rows.some((row) => row.use.length) ? "Use over time" : "Use now", useOf],
    ["State", (row) => [el("span", { class: `state ${row.phase}` }, stateOf(row)),
      row.idle && el("strong", { class: "warning" }, " idle")]],
    ...(withPrices ? [["Idle cost", (row) => (!row.idle ? "–"
      : row.usd_per_hour === null ? "price unknown" : `${usd(row.usd_per_hour)}/h`), "number"]] : []),
    [`End (${zoneName()})`, (row) => minute(row.end)],
    ["Where", (row) => [row.zone || row.region, el("span", { class: "more" }, row.account || "–")]],
  ], odcrs);
}

// --- events --------------------------------------------------------------------------------------

function eventSection(rows) {
  const ids = new Set(rows.map((row) => row.id));
  const wanted = words();
  const found = data.events.filter((each) => !isFiltered() || ids.has(each.reservation) ||
    (wanted.length && wanted.every((word) => each.summary.toLowerCase().includes(word))));
  const line = (each) => el("li", { class: each.severity },
    el("time", { datetime: new Date(each.at).toISOString() }, minute(each.at)),
    el("span", { class: `kind ${each.severity}` }, each.type.replaceAll("_", " ")),
    el("span", {}, quoted(each.summary)));
  return section("events", "Events", found.length ? number(found.length) : null,
    data.events_note && el("p", { class: "note" }, data.events_note),
    data.all_events > data.events.length && el("p", { class: "note" },
      `The newest ${number(data.events.length)} of ${number(data.all_events)} events.`),
    found.length ? el("ol", { class: "events" }, found.slice(0, 15).map(line)) : data.events_note
      ? null : el("p", { class: "quiet" }, isFiltered() ? "No event matches the filter." : "No events in this period."),
    found.length > 15 ? el("details", { class: "rest" }, el("summary", {}, `${number(found.length - 15)} earlier`),
      el("ol", { class: "events" }, found.slice(15).map(line))) : null);
}
