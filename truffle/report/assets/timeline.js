// The timeline: a row for each block, in groups. Positions are percentages, so that a picture needs
// no drawing anew when its width changes.
const SINCE = Date.parse(data.since);
const UNTIL = Date.parse(data.until);
const place = (time) => ((time - SINCE) / (UNTIL - SINCE)) * 100;
const within = (time) => Math.min(100, Math.max(0, place(time)));
const percent = (value) => `${Math.round(value * 1000) / 1000}%`;

const PHASES = {
  active: "Active", coming: "Coming", unpaid: "Not paid yet", failed: "Failed",
  over: "Over or gone", unknown: "Another state",
};

function patterns() {
  const hatch = (id, path, size) =>
    svg("pattern", { id, width: size, height: size, patternUnits: "userSpaceOnUse", class: id },
      svg("rect", { width: size, height: size }), svg("path", { d: path }));
  return svg("svg", { class: "patterns", width: 0, height: 0, "aria-hidden": "true" },
    svg("defs", {},
      hatch("hatch-coming", "M-1,1 l2,-2 M0,8 l8,-8 M7,9 l2,-2", 8),
      hatch("hatch-unpaid", "M3,3 h2 v2 h-2 z", 8),
      hatch("hatch-failed", "M0,0 l7,7 M7,0 l-7,7", 7)));
}

// Days, weeks or months between the marks of the axis, so that a dozen fit at most.
function ticks() {
  const days = (UNTIL - SINCE) / DAY;
  const step = [1, 2, 7, 14, 28, 56].find((each) => days / each <= 12) || 91;
  const first = new Date(SINCE);
  first.setUTCHours(24, 0, 0, 0);
  if (step >= 7) while (first.getUTCDay() !== 1) first.setUTCDate(first.getUTCDate() + 1);
  const found = [];
  for (let at = first.getTime(); at < UNTIL; at += step * DAY) found.push(at);
  return found;
}

function grid() {
  const lines = ticks().map((at) =>
    svg("line", { class: "tick", x1: percent(place(at)), x2: percent(place(at)), y1: 0, y2: "100%" }));
  if (NOW >= SINCE && NOW <= UNTIL) {
    const x = percent(place(NOW));
    lines.push(svg("line", { class: "now", x1: x, x2: x, y1: 0, y2: "100%" }));
  }
  return lines;
}

const isClose = (at) => Math.abs(place(at) - place(NOW)) < 13;

function axis() {
  const labels = ticks().filter((at) => Math.abs(place(at) - place(NOW)) > 5 && place(at) < 96);
  return el("div", { class: "line axis", "aria-hidden": "true" },
    el("div", { class: "who" }),
    svg("svg", { class: "track", height: 26 },
      labels.map((at, index) => svg("text",
        { x: percent(place(at)), y: 17, class: index % 2 || isClose(at) ? "second" : null },
        day(at))),
      NOW >= SINCE && NOW <= UNTIL
        ? svg("text", { x: percent(place(NOW)), y: 17, class: "now-label" }, "now") : null));
}

const MIDDLE = 19;

function bar(row) {
  const start = row.start === null ? 0 : within(row.start);
  const end = row.end === null ? 100 : within(row.end);
  const height = row.phase === "over" ? 4 : 14;
  return svg("rect", {
    class: `bar ${row.phase}`, x: percent(start), width: percent(Math.max(end - start, 0.25)),
    y: MIDDLE - height / 2, height, rx: row.phase === "over" ? 2 : 3,
  });
}

// A small drawing at a moment; nothing outside of the window.
function mark(at, name, path) {
  if (at === null || at < SINCE || at > UNTIL) return null;
  return svg("svg", { x: percent(place(at)), y: 0, class: `mark ${name}`, overflow: "visible" },
    svg("path", { d: path }));
}

function marks(row) {
  if (row.phase === "over" || row.phase === "failed") return [];
  const found = [mark(row.effective_end, "effective-end", "M-4,5 h8 l-4,6 z")];
  if (row.deadline !== null && row.deadline > NOW) {
    found.push(mark(row.deadline, "deadline", "M0,27 l4,4 l-4,4 l-4,-4 z"));
  }
  if (row.on_offer && row.end !== null && row.end < UNTIL) {
    const end = within(row.end + DAY) - within(row.end);
    found.push(svg("rect", { class: "offer", x: percent(within(row.end)),
      width: percent(Math.max(end, 1)), y: MIDDLE - 7, height: 14, rx: 3 }));
  }
  return found;
}

const what = (row) =>
  `${row.size === null ? "?" : number(row.size)} × ${row.instance_type || "unknown type"}`;
const stateOf = (row) => (row.gone ? "gone" : row.state.replaceAll("-", " "));

function described(row) {
  const from = row.start === null ? "an unknown start" : minute(row.start);
  const until = row.end === null ? "no end" : minute(row.end);
  const more = [
    row.effective_end !== null && `usable until ${minute(row.effective_end)}`,
    row.deadline !== null && `extension possible until ${minute(row.deadline)}`,
    row.on_offer === true && "an extension is available",
    row.on_offer === false && "no extension was available",
    row.unhealthy && "unhealthy",
  ].filter(Boolean).join(", ");
  return `${row.name || row.id}: ${what(row)}, ${stateOf(row)}, ${from} to ${until}`
    + `${more ? `, ${more}` : ""} (${zoneName()})`;
}

function blockLine(row) {
  return el("div", { class: "line block" },
    el("div", { class: "who" },
      el("span", { class: "name" }, link(row.url, quoted(row.name || row.id),
        `${row.name || row.id} in the EC2 console`)),
      el("span", { class: "more" }, el("span", { class: `state ${row.phase}` }, stateOf(row)),
        row.unhealthy && el("strong", { class: "critical" }, " unhealthy"),
        " · ", what(row), " · ", row.zone || row.region)),
    svg("svg", { class: "track", height: 38, role: "img", "aria-label": described(row) },
      svg("title", {}, described(row)), grid(), bar(row), marks(row)));
}

// Accelerators, or instances of types without one, that a group holds over time, as steps.
function levels(rows) {
  const changes = [];
  for (const row of rows) {
    if (row.phase === "failed" || row.state.startsWith("cancel") || row.start === null) continue;
    const weight = row.accelerators ?? row.size ?? 0;
    changes.push([Math.max(row.start, SINCE), weight], [Math.min(row.end ?? UNTIL, UNTIL), -weight]);
  }
  changes.push([NOW, 0]);
  changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const steps = [];
  let level = 0;
  for (const [at, change] of changes) {
    level += change;
    if (steps.length && steps[steps.length - 1][0] === at) steps[steps.length - 1][1] = level;
    else steps.push([at, level]);
  }
  return steps;
}

function strip(rows, ownGaps, label) {
  const steps = levels(rows);
  const most = Math.max(1, ...steps.map(([, level]) => level));
  const areas = steps.map(([at, level], index) => {
    const until = index + 1 < steps.length ? steps[index + 1][0] : UNTIL;
    const height = (level / most) * 22;
    if (level <= 0 || until <= SINCE || at >= UNTIL) return null;
    return svg("rect", { class: at >= NOW ? "level ahead" : "level", x: percent(within(at)),
      width: percent(within(until) - within(at)), y: 30 - height, height });
  });
  const missing = ownGaps.filter((gap) => gap.end > SINCE && gap.start < UNTIL).map((gap) =>
    svg("g", { class: "gap" },
      svg("title", {}, `Gap of ${length(gap.end - gap.start)}`),
      svg("line", { x1: percent(within(gap.start)), x2: percent(within(gap.end)), y1: 26, y2: 26 }),
      svg("line", { x1: percent(within(gap.start)), x2: percent(within(gap.start)), y1: 21, y2: 30 }),
      svg("line", { x1: percent(within(gap.end)), x2: percent(within(gap.end)), y1: 21, y2: 30 })));
  return svg("svg", { class: "track", height: 38, role: "img", "aria-label": label },
    grid(), areas, missing);
}

function groupOf(name, rows, isOpen, canOpen) {
  const ownGaps = state.group === "team" ? data.gaps.filter((gap) => gap.group === name) : [];
  const about = plural(rows.length, "block");
  const most = Math.max(0, ...levels(rows).map(([, level]) => level));
  const noun = rows.every((row) => row.accelerator) ? "accelerator" : "instance";
  const size = most ? `peak ${plural(most, noun)}` : "nothing held";
  const title = canOpen
    ? el("button", { type: "button", class: "toggle", "aria-expanded": String(isOpen),
      onclick: () => toggleGroup(name, !isOpen) }, quoted(name))
    : el("span", { class: "toggle fixed" }, quoted(name));
  const ahead = ownGaps.filter((gap) => gap.end > SINCE);
  return el("div", { class: "group" },
    el("div", { class: "line head" },
      el("div", { class: "who" }, title, el("span", { class: "more" }, `${about}, ${size}`)),
      rows.length > 1 || !isOpen ? strip(rows, ownGaps, `${name}: ${about}, ${size}`) : null),
    ahead.length ? el("p", { class: "gaps" }, "No block: ", ahead.map((gap, index) => [
      index ? "; " : "", `${minute(gap.start)} to ${minute(gap.end)} (${length(gap.end - gap.start)})`]).flat()) : null,
    isOpen ? inOrder(rows).map(blockLine) : null);
}

function legend() {
  const sample = (phase) => svg("svg", { width: 26, height: 14, "aria-hidden": "true" },
    svg("rect", { class: `bar ${phase}`, x: 1, width: 24, y: phase === "over" ? 5 : 1,
      height: phase === "over" ? 4 : 12, rx: 3 }));
  const shape = (name, path) => svg("svg", { width: 14, height: 14, "aria-hidden": "true" },
    svg("g", { class: `mark ${name}` }, svg("path", { d: path })));
  const present = new Set(data.rows.filter((row) => row.type !== "odcr").map((row) => row.phase));
  return el("ul", { class: "legend" },
    Object.entries(PHASES).filter(([phase]) => present.has(phase))
      .map(([phase, text]) => el("li", {}, sample(phase), text)),
    el("li", {}, shape("effective-end", "M3,4 h8 l-4,6 z"), "AWS terminates its instances"),
    el("li", {}, shape("deadline", "M7,3 l4,4 l-4,4 l-4,-4 z"), "Extension deadline"),
    data.rows.some((row) => row.on_offer) ? el("li", {},
      svg("svg", { width: 26, height: 14, "aria-hidden": "true" },
        svg("rect", { class: "offer", x: 1, y: 1, width: 24, height: 12, rx: 3 })),
      "Extension available") : null);
}
