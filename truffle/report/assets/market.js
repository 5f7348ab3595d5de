// What watches found for sale: a row for each type, a column for each region.
const OUTCOMES = {
  none: "not sold now", "unknown-type": "unknown type", "not-asked": "not asked", failed: "failed",
};
const amount = (value, currency) => (!currency || currency === "USD"
  ? `$${value.toFixed(2)}` : `${value.toFixed(2)} ${currency}`);

const between = (values, text) => {
  const [low, high] = [text(Math.min(...values)), text(Math.max(...values))];
  return low === high ? low : `${low} to ${high}`;
};

// The lowest price of each of the last 30 days, as marks and in words, with the time to the start.
function marketPast(days, currency) {
  const priced = days.filter(([, price]) => price !== null);
  if (priced.length < 2) return null;
  const prices = priced.map(([, price]) => price);
  const leads = days.map(([, , lead]) => lead).filter((lead) => lead !== null);
  const starts = leads.length ? `start in ${between(leads, (hours) => length(hours * HOUR))}` : null;
  const words = `${plural(days.length, "day")}: ${between(prices, (price) => amount(price, currency))}`;
  const low = Math.min(...prices), range = Math.max(...prices) - low || 1;
  return [svg("svg", { class: "use past", height: 14, role: "img", "aria-label": `Prices of ${words}` },
    priced.map(([day, price]) => svg("rect", { class: "in-use", width: "2%", height: 3,
      x: percent(Math.max(0, 98 - ((NOW - time(day)) / (30 * DAY)) * 98)),
      y: 11 - ((price - low) / range) * 11 }))),
  el("span", { class: "more" }, words), starts && el("span", { class: "more" }, starts)];
}

function marketCell(cell) {
  if (!cell) return el("span", { class: "more" }, "–");
  const isOld = cell.known_at !== null && NOW - time(cell.known_at) > 2 * HOUR;
  const known = cell.known_at === null ? "never answered" : `as of ${fromNow(time(cell.known_at))}`;
  const isUnsure = cell.unanswered !== null;
  const age = (isOld || isUnsure) && el("span", { class: isUnsure ? "more warning" : "more" },
    isUnsure ? `${known} (${cell.unanswered})` : known);
  const past = marketPast(cell.days, cell.currency);
  if (cell.outcome !== "offered") {
    return [el("span", { class: isUnsure ? "warning" : "quiet" }, OUTCOMES[cell.outcome]), age, past];
  }
  return [el("strong", {}, cell.price === null ? "price unknown" : amount(cell.price, cell.currency)),
    el("span", { class: "more" }, cell.start === null ? "start unknown" : `from ${minute(time(cell.start))}`),
    age, past];
}

function marketSection() {
  if (data.market === null) return null;
  const at = new Map(data.market.cells.map((cell) => [`${cell.type} ${cell.region}`, cell]));
  const regions = data.market.regions.filter((name) => !state.region || name === state.region);
  if (!regions.length) return null;
  const offered = sum(data.market.cells.map((cell) => cell.offerings));
  return section("market", "Market", plural(offered, "offer"),
    el("p", { class: "note" }, "Capacity blocks that watches found for sale: the lowest price per accelerator-hour and "
      + `the earliest start of any offering (${zoneName()}), and the lowest price of each of the last 30 days. `
      + "Nothing is reserved until you buy it."),
    table("Capacity blocks for sale, by type and region", [
      ["Instance type", (name) => name],
      ...regions.map((region) => [region, (name) => marketCell(at.get(`${name} ${region}`))]),
    ], data.market.types));
}
