// What watches found for sale: a row for each type, a column for each region.
const OUTCOMES = {
  none: "not sold now", "unknown-type": "unknown type", "not-asked": "not asked", failed: "failed",
};
const amount = (value, currency) => (!currency || currency === "USD"
  ? `$${value.toFixed(2)}` : `${value.toFixed(2)} ${currency}`);

function marketCell(cell) {
  if (!cell) return el("span", { class: "more" }, "–");
  const isOld = cell.known_at !== null && NOW - time(cell.known_at) > 2 * HOUR;
  const known = cell.known_at === null ? "never answered" : `as of ${fromNow(time(cell.known_at))}`;
  const isUnsure = cell.unanswered !== null;
  const age = (isOld || isUnsure) && el("span", { class: isUnsure ? "more warning" : "more" },
    isUnsure ? `${known} (${cell.unanswered})` : known);
  if (cell.outcome !== "offered") {
    return [el("span", { class: isUnsure ? "warning" : "quiet" }, OUTCOMES[cell.outcome]), age];
  }
  return [el("strong", {}, cell.price === null ? "price unknown" : amount(cell.price, cell.currency)),
    el("span", { class: "more" }, cell.start === null ? "start unknown" : `from ${minute(time(cell.start))}`),
    age];
}

function marketSection() {
  if (data.market === null) return null;
  const at = new Map(data.market.cells.map((cell) => [`${cell.type} ${cell.region}`, cell]));
  const regions = data.market.regions.filter((name) => !state.region || name === state.region);
  if (!regions.length) return null;
  const offered = sum(data.market.cells.map((cell) => cell.offerings));
  return section("market", "Market", plural(offered, "offer"),
    el("p", { class: "note" }, "Capacity blocks that watches found for sale: the lowest price per accelerator-hour and "
      + `the earliest start of any offering (${zoneName()}). Nothing is reserved until you buy it.`),
    table("Capacity blocks for sale, by type and region", [
      ["Instance type", (name) => name],
      ...regions.map((region) => [region, (name) => marketCell(at.get(`${name} ${region}`))]),
    ], data.market.types));
}
