// What is chosen, how it is named, and how plots look: the other files, which stand after this one, use it.
// All names in the data come from users' files. In the page they are text nodes; for Plotly, which reads a part of HTML
// in what it writes, they are escaped by `safe`.

const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const dark = matchMedia("(prefers-color-scheme: dark)");
const fine = matchMedia("(pointer: fine)").matches;
const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star", "pentagon",
  "hexagon", "triangle-left", "triangle-right"];
const CLOUDS = { mean: "mean over classes", all: "all images" };
const state = { view: 0, model: 0, layer: 0, class: "", measure: "", version: "value", step: 0, bar: null,
  point: null };

// ---- words

const safe = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const number = (value) => value === null || value === undefined ? "undefined"
  : String(Number(value.toPrecision(3))).replace("-", "−");
const span = (low, high) => low === undefined || low === null || high === null || high === undefined ? ""
  : ` (${data.look.interval}: ${number(low)} to ${number(high)})`;
const say = (id, text) => { find(id).textContent = text; };

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

// ---- what is chosen

const view = () => data.views[state.view];
const model = () => view().models[state.model];
const curves = () => model().curves[state.step]; // at a step where a training kept no snapshot, none
const measures = () => Object.assign({}, ...model().curves);
const layerName = () => model().layers[state.layer][0];
const network = () => data.networks[model().network];
const sheet = () => network() && network().sheet !== null ? data.sheets[network().sheet] : null;
const layer = () => network() ? network().layers[layerName()] : undefined;

function className(name) {
  const known = sheet() ? sheet().classes[Number(name)] : undefined;
  if (CLOUDS[name]) return CLOUDS[name];
  return known === undefined || known === String(name) ? `class ${name}` : `class ${name}: ${known}`;
}

// rows of a measure for the class that is chosen; where it has none, of all images together, or of what there is
function cloudOf(classes) {
  return [state.class, "mean", "all", ...Object.keys(classes)].find((name) => classes[name]);
}

// bars are of single classes, or of all images
function clouds() {
  return layer() ? layer().clouds[state.step] : {};
}
const barCloud = () => clouds()[state.class] ? state.class : Object.keys(clouds())[0];

function bars(kind) {
  const cloud = clouds()[barCloud()];
  const found = [];
  for (const [degree, flat] of (cloud ? cloud[kind] : []).entries()) {
    for (let k = 0; k < flat.length; k += 2) found.push({ degree, birth: flat[k], death: flat[k + 1] });
  }
  return found;
}

const endOfBars = (all) => Math.max(...all.map((bar) => bar.death === null ? bar.birth : bar.death), 0) * 1.06 || 1;

function barWords(bar) {
  return bar.death === null ? `H${bar.degree}: born at ${number(bar.birth)}, never dies`
    : `H${bar.degree}: born at ${number(bar.birth)}, dies at ${number(bar.death)}, lifespan ` +
      number(bar.death - bar.birth);
}

// ---- looks

const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
function colour(place) {
  const chosen = data.look.colours[place % data.look.colours.length];
  return chosen === "#000000" && dark.matches ? "#f2f2f2" : chosen;
}
const grey = () => dark.matches ? "#a8a8a8" : data.look.grey;
const faint = (hex, share) => hex + Math.round(share * 255).toString(16).padStart(2, "0");

function plot(id, traces, layout, words) {
  const axis = { gridcolor: variable("--grid"), zerolinecolor: variable("--grid"), linecolor: variable("--line"),
    automargin: true, ...layout.axis };
  const text = variable("--text");
  delete layout.axis;
  const whole = { margin: { l: 56, r: 12, t: 8, b: 44 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: text, size: 12, family: "system-ui, sans-serif" }, hovermode: "closest",
    dragmode: fine ? "zoom" : false, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    hoverlabel: { bgcolor: variable("--page"), font: { color: text } }, ...layout,
    xaxis: { ...axis, ...layout.xaxis }, yaxis: { ...axis, ...layout.yaxis } };
  find(id).setAttribute("aria-label", words);
  return Plotly.react(id, traces, whole, { displayModeBar: false, responsive: true });
}

// a band between two curves: a closed line around each part of it, for a gap in either is a gap of the band
function band(x, low, high, fill, group) {
  const parts = [[]];
  for (const [k, place] of x.entries()) {
    if (low[k] === null || high[k] === null) parts.push([]);
    else parts.at(-1).push([place, low[k], high[k]]);
  }
  const around = parts.filter((part) => part.length).flatMap((part) =>
    [...part.map(([place, value]) => [place, value]), ...part.toReversed().map(([place, , value]) => [place, value]),
      [part[0][0], part[0][1]], [null, null]]);
  return [{ x: around.map(([place]) => place), y: around.map(([, value]) => value), mode: "lines", fill: "toself",
    fillcolor: fill, line: { width: 1, color: fill }, hoverinfo: "skip", showlegend: false, legendgroup: group }];
}
