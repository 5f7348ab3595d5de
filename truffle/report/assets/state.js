// The data, and what the reader chose to see of it, which the fragment of the URL keeps.
const data = JSON.parse(document.getElementById("data").textContent);
const NOW = Date.parse(data.now);
const MANY_ROWS = 2000;
const FEW_ROWS = 60;
const EAGER_ROWS = 500;

const DEFAULTS = {
  q: "", type: "", state: "", accelerator: "", account: "", region: "",
  group: "accelerator", sort: "start", tz: "utc", open: "",
};
const state = { ...DEFAULTS };

const accountOf = (it) => (it.account_name ? `${it.account_name} (${it.account})` : it.account);

for (const scope of data.failed) scope.account = accountOf(scope);
for (const row of data.rows) {
  for (const name of ["start", "end", "effective_end", "deadline", "observed_at"]) {
    row[name] = time(row[name]);
  }
  row.account = accountOf(row);
  row.text = [row.id, row.block_id, row.name, row.team, row.account, row.owner, row.region,
    row.zone, row.instance_type, row.accelerator, row.state, row.type,
    ...Object.entries(row.tags).map(([key, value]) => `${key}=${value}`)]
    .filter(Boolean).join("\n").toLowerCase();
}
for (const each of data.decisions) each.deadline = time(each.deadline);
for (const each of data.events) each.at = time(each.at);
for (const gap of data.gaps) [gap.start, gap.end] = [time(gap.start), time(gap.end)];
const rowsById = new Map(data.rows.map((row) => [row.id, row]));

const NO_ACCELERATOR = "No accelerator";
const FIELDS = {
  type: (row) => row.type,
  state: (row) => (row.gone ? "gone" : row.state),
  accelerator: (row) => row.accelerator || NO_ACCELERATOR,
  account: (row) => row.account || "Unknown account",
  region: (row) => row.region,
  team: (row) => row.team || `No ${data.team_tag} tag`,
};

const words = () => state.q.toLowerCase().split(/\s+/).filter(Boolean);

function matches(row, wanted) {
  for (const name of ["type", "state", "accelerator", "account", "region"]) {
    if (state[name] && FIELDS[name](row) !== state[name]) return false;
  }
  return wanted.every((word) => row.text.includes(word));
}

const isFiltered = () =>
  ["q", "type", "state", "accelerator", "account", "region"].some((name) => state[name]);

const ORDERS = {
  start: (row) => row.start ?? Infinity,
  end: (row) => row.end ?? Infinity,
  size: (row) => -(row.size ?? -1),
  idle: (row) => -((row.amounts && row.amounts[2]) || 0),
};

function inOrder(rows) {
  const by = ORDERS[state.sort];
  const name = (row) => (row.name || row.id).toLowerCase();
  return [...rows].sort((a, b) => {
    const [x, y] = by ? [by(a), by(b)] : [name(a), name(b)];
    return x < y ? -1 : x > y ? 1 : a.id < b.id ? -1 : 1;
  });
}

function readFragment() {
  const given = new URLSearchParams(location.hash.slice(1));
  Object.assign(state, DEFAULTS);
  for (const name of Object.keys(DEFAULTS)) {
    if (given.has(name)) state[name] = given.get(name);
  }
  if (!GROUPS.some(([name]) => name === state.group)) state.group = DEFAULTS.group;
  if (!SORTS.some(([name]) => name === state.sort)) state.sort = DEFAULTS.sort;
}

function writeFragment() {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value !== DEFAULTS[name]) kept.set(name, value);
  }
  const fragment = kept.toString();
  if (fragment !== location.hash.slice(1)) {
    history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
  }
}

const GROUPS = [
  ["accelerator", "Accelerator"], ["account", "Account"], ["team", `Tag ${data.team_tag}`],
  ["region", "Region"],
];
const SORTS = [
  ["start", "Start"], ["end", "End"], ["size", "Size"], ["idle", "Idle"], ["name", "Name"],
];
