// Words, controls, the keyboard, and the start.

// ---- words, limits

function drawWords() {
  const place = find("words");
  place.replaceChildren(place.querySelector("h2"));
  const own = data.views.length ? ((view().sentences[state.measure] || {})[state.class] || [])[state.layer] : null;
  if (own) place.append(element("h3", "This layer under attack"), element("p", own));
  for (const each of data.words) {
    place.append(element("h3", `${each.kind}: ${each.title}`), ...each.said.map((text) => element("p", text)));
  }
  if (!data.words.length) place.append(element("p", "No experiment of this run has a page in words."));
}

function drawLimits() {
  const { points, bars: most, classes, layers, left } = data.limits;
  say("limits", `On this page: at most ${points} images a layer, the ${most} longest bars of a diagram, the first ` +
    `${classes} classes, ${layers} layers of a model with points and bars, numbers to 3 digits. Curves of ` +
    `all models are here` + (left ? `; points and bars of ${left} models are not` : "") +
    ". Dimension by scale is here where several estimators gride_1, gride_2, gride_4, … are measured (key dimension: " +
    "estimators). Everything stands in the tables beside this page.");
}

// ---- controls

function options(id, values, groups) {
  const select = find(id), before = select.value;
  select.replaceChildren();
  const made = {};
  for (const [value, text] of values) {
    const option = element("option", text);
    option.value = value;
    const group = groups ? groups(value) : null;
    if (group !== null && !made[`:${group}`]) {
      made[`:${group}`] = document.createElement("optgroup");
      made[`:${group}`].label = group;
      select.append(made[`:${group}`]);
    }
    (group === null ? select : made[`:${group}`]).append(option);
  }
  const known = values.map(([value]) => String(value));
  select.value = known.includes(before) ? before : known[0];
  return select.value;
}

// what can be chosen depends on what is chosen before it; what is still there stays chosen
function fill(from) {
  if (from === "start") options("view", data.views.map((each, k) => [k, each.title]), (k) => data.views[k].kind);
  state.view = Number(find("view").value);
  if (["start", "view"].includes(from)) {
    find("model").value = "";
    options("model", view().models.map((each, k) => [k, each.label]));
    find("steps").hidden = !view().step;
    say("walked", view().step);
    find("step").max = view().models[0].curves.length - 1;
    find("step").value = 0;
  }
  state.model = Number(find("model").value);
  state.step = Number(find("step").value);
  if (["start", "view", "model"].includes(from)) {
    const names = model().layers.map((each) => each[0]);
    const kept = names.indexOf(find("layer").dataset.name);
    options("layer", names.map((name, k) => [k, name]));
    find("layer").value = kept >= 0 ? kept : Math.min(Number(find("layer").value), names.length - 1);
    const several = scales().length > 1; // one alone is a measure as any other
    options("measure", Object.entries(measures()).filter(([, each]) => each.order === null || !several)
      .map(([key, each]) => [key, each.name]));
    const known = new Set(Object.values(measures()).flatMap((each) => Object.keys(each.classes)));
    options("class", [...known].sort(byClass).map((name) => [name, className(name)]));
  }
  state.layer = Number(find("layer").value);
  find("layer").dataset.name = layerName();
  state.class = find("class").value;
  state.measure = find("measure").value;
  state.version = find("version").value;
  say("reached", model().reached[state.step]);
}

const byClass = (one, other) => (other in CLOUDS) - (one in CLOUDS) || (other === "mean") - (one === "mean") ||
  one.length - other.length || (one < other ? -1 : 1);

function draw() {
  const withoutLayers = view().models.every((one) => one.network === null);
  for (const section of document.querySelectorAll(".of-layer")) section.hidden = withoutLayers;
  say("here", wordsHere());
  drawDepth();
  drawBars();
  drawScale();
  drawPoints();
  // whose place may be wider now, or was hidden
  for (const plot of document.querySelectorAll("section:not([hidden]) > .plot")) Plotly.Plots.resize(plot);
  drawWords();
}

function changed(from) {
  fill(from);
  draw();
}

function choose(id, value) {
  find(id).value = value;
  changed(id);
}

// arrow keys walk through what a plot shows
function walk(id, count, now, go) {
  find(id).addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const last = count() - 1, place = now();
    let next;
    if (event.key in steps) next = place === null ? 0 : Math.min(Math.max(place + steps[event.key], 0), last);
    else if (event.key === "Home") next = 0;
    else if (event.key === "End") next = last;
    else if (event.key === "Escape") next = null;
    if (next === undefined || last < 0) return;
    event.preventDefault();
    go(next);
  });
}

function listen() {
  for (const id of ["view", "model", "layer", "class", "measure", "version"]) {
    find(id).addEventListener("change", () => changed(id));
  }
  find("step").addEventListener("input", () => changed("step"));
  find("controls").addEventListener("submit", (event) => event.preventDefault());
  dark.addEventListener("change", draw);
  find("depth").on("plotly_click", ({ points: [point] }) => {
    if (point.data.meta) {
      find("layer").dataset.name = view().models[point.data.meta.model].layers[point.pointIndex][0];
      choose("model", point.data.meta.model);
    }
  });
  for (const id of ["diagram", "barcode"]) {
    find(id).on("plotly_hover", ({ points: [point] }) => {
      if (point.data.customdata) chooseBar(point.data.customdata[point.pointIndex]);
    });
    walk(id, () => bars("bars").length, () => state.bar, chooseBar);
  }
  walk("depth", () => model().layers.length, () => state.layer, (k) => k !== null && choose("layer", k));
  find("points").on("plotly_hover", ({ points: [point], event }) => {
    if (point.data.customdata) choosePoint(point.data.customdata[point.pointIndex], event);
  });
  find("points").on("plotly_unhover", () => choosePoint(null));
  walk("points", () => network() ? network().indices.length : 0, () => state.point, (k) => choosePoint(k));
  find("points").addEventListener("blur", () => choosePoint(null));
}

drawLimits();
if (data.views.length) {
  changed("start");
  listen();
} else {
  find("controls").hidden = true;
  for (const section of document.querySelectorAll("main section:not(#words)")) section.hidden = true;
  drawWords();
}
document.documentElement.dataset.ready = "yes";
