// Elements from names, properties and children; text becomes text nodes, never markup.
const SVG = "http://www.w3.org/2000/svg";

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

const el = (name, properties, ...children) =>
  fill(document.createElement(name), properties, children);
const svg = (name, properties, ...children) =>
  fill(document.createElementNS(SVG, name), properties, children);

function link(url, text, label) {
  if (!url || !url.startsWith("https://")) return el("span", {}, text);
  return el("a", { href: url, rel: "noreferrer", "aria-label": label }, text);
}

// A text of others, which may be written from right to left.
const quoted = (text) => el("bdi", {}, text);

const HOUR = 3600e3;
const DAY = 24 * HOUR;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const WEEKDAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
const two = (number) => String(number).padStart(2, "0");

// The parts of a moment in UTC or, as the reader chose, in the time of this machine.
function parts(time) {
  const at = new Date(time);
  if (state.tz === "local") {
    return [at.getFullYear(), at.getMonth(), at.getDate(), at.getDay(), at.getHours(),
      at.getMinutes()];
  }
  return [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate(), at.getUTCDay(),
    at.getUTCHours(), at.getUTCMinutes()];
}

function day(time) {
  const [year, month, date] = parts(time);
  const isThisYear = year === parts(NOW)[0];
  return `${date} ${MONTHS[month]}${isThisYear ? "" : ` ${year}`}`;
}

function minute(time) {
  if (time === null) return "–";
  const [, , , weekday, hours, minutes] = parts(time);
  return `${WEEKDAYS[weekday]} ${day(time)}, ${two(hours)}:${two(minutes)}`;
}

const zoneName = () => (state.tz === "local" ? "local time" : "UTC");

function length(milliseconds) {
  const minutes = Math.floor(Math.abs(milliseconds) / 60e3);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 && hours < 10 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 && days < 10 ? `${days} d ${hours % 24} h` : `${days} d`;
}

function fromNow(time) {
  if (Math.abs(time - NOW) < 60e3) return "now";
  return time > NOW ? `in ${length(time - NOW)}` : `${length(time - NOW)} ago`;
}

const number = (value) =>
  value === null ? "unknown" : (Math.round(value * 100) / 100).toLocaleString("en-US");
const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
const usd = (value) =>
  `$${value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? 2 : 0 })}`;
const sum = (values) => values.reduce((total, value) => total + (value || 0), 0);
const time = (text) => (text === null ? null : Date.parse(text));
