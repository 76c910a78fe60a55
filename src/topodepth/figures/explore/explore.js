"use strict";
// All names in the data come from users' files. In the page they are text nodes; for Plotly, which reads a part of HTML
// in what it writes, they are escaped by `safe`.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const fine = matchMedia("(pointer: fine)").matches;
  const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star", "pentagon",
    "hexagon", "triangle-left", "triangle-right"];
  const CLOUDS = { mean: "mean over classes", all: "all images" };
  const state = { view: 0, model: 0, layer: 0, class: "", measure: "", version: "value", strength: 0, bar: null,
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
  const curves = () => model().curves[state.strength] || model().curves[0];
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
    return layer() ? layer().clouds[state.strength] || layer().clouds[0] : {};
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

  // a band between two curves; a gap in either is a gap of the band
  function band(x, low, high, fill, group) {
    const edge = { x, mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false, legendgroup: group };
    return [{ ...edge, y: low }, { ...edge, y: high, fill: "tonexty", fillcolor: fill }];
  }

  // ---- curves by depth

  function columnsOf(one, at) {
    const classes = (one.curves[at] || {})[state.measure];
    return classes ? classes.classes[cloudOf(classes.classes)] : undefined;
  }

  function depthTraces(one, place, at, name, mark) {
    const columns = columnsOf(one, at);
    if (!columns || !columns[state.version]) return [];
    const own = place === state.model, x = one.layers.map((each) => each[1]);
    const bounds = state.version.replace("value", "ci_");
    const [low, high] = [columns[`${bounds}low`], columns[`${bounds}high`]];
    const traces = own && low && !mark.plain ? band(x, low, high, faint(mark.colour, 0.22), name) : [];
    if (own && state.version === "value" && columns.null_value && !mark.plain) {
      if (columns.null_ci_low) traces.push(...band(x, columns.null_ci_low, columns.null_ci_high, faint(grey(), 0.2), "null"));
      traces.push({ x, y: columns.null_value, mode: "lines", name: safe(data.look.null), legendgroup: "null",
        line: { color: grey(), dash: "dash", width: 1.5 }, hoverinfo: "skip" });
    }
    const words = one.layers.map((each, k) =>
      safe(`${name}, ${each[0]}: ${number(columns[state.version][k])}`) +
      safe(low ? span(low[k], high[k]) : ""));
    traces.push({ x, y: columns[state.version], mode: "lines+markers", name: safe(name), text: words, hoverinfo: "text",
      legendgroup: name, line: { color: mark.colour, width: own ? 2.5 : 1.2, dash: mark.plain ? "dot" : "solid" },
      marker: { symbol: mark.symbol, size: own ? 9 : 6, color: mark.colour },
      opacity: own ? 1 : 0.6, meta: { model: place } });
    return traces;
  }

  function drawDepth() {
    const traces = [];
    for (const [place, one] of view().models.entries()) {
      const mark = { colour: colour(place), symbol: SYMBOLS[place % SYMBOLS.length] };
      if (state.strength > 0) {
        traces.push(...depthTraces(one, place, 0, "clean images", { colour: colour(5), symbol: "square", plain: true }));
      }
      traces.push(...depthTraces(one, place, state.strength, one.label, mark));
    }
    traces.sort((one, other) => (one.opacity || 1) - (other.opacity || 1)); // the model that is chosen lies above
    const told = curves()[state.measure], here = model().layers[state.layer][1];
    const cloud = told ? cloudOf(told.classes) : "";
    const relative = state.version === "relative_value";
    const name = told ? told.name : state.measure;
    const line = { type: "line", x0: here, x1: here, y0: 0, y1: 1, yref: "paper" };
    plot("depth", traces, {
      xaxis: { title: { text: "relative depth" }, range: [-0.02, 1.02] },
      yaxis: { title: { text: safe(name + (relative ? " / null" : "")) }, rangemode: relative ? "normal" : "tozero" },
      shapes: [{ ...line, line: { color: variable("--soft"), width: 1, dash: "dot" } },
        ...(relative ? [{ type: "line", x0: 0, x1: 1, xref: "paper", y0: 1, y1: 1,
          line: { color: variable("--soft"), width: 1 } }] : [])],
    }, `${name} of ${className(cloud)} against relative depth, a curve for each of ${view().models.length} models. ` +
       wordsHere());
    const other = cloud !== state.class ? ` It is not measured for ${className(state.class)}.` : "";
    say("depth-note", `${name}, ${className(cloud)}.${other} Shaded: ${data.look.interval} of the model that is chosen. ` +
      "Click on a point, or use the arrow keys, to choose a layer.");
  }

  function wordsHere() {
    const told = curves()[state.measure];
    const columns = told ? told.classes[cloudOf(told.classes)] : undefined;
    if (!columns) return "Not measured.";
    const of = (column) => columns[column] ? columns[column][state.layer] : null;
    const value = of("value"), beside = of("null_value"), relative = of("relative_value");
    let text = `${model().label}, layer ${layerName()}, ${className(cloudOf(told.classes))}: ${told.name} ` +
      `${number(value)}${span(of("ci_low"), of("ci_high"))}`;
    if (beside !== null) text += `; null model ${number(beside)}`;
    if (relative !== null) text += `; value / null ${number(relative)}${span(of("relative_ci_low"), of("relative_ci_high"))}`;
    return text + ".";
  }

  // ---- bars

  function drawBars() {
    const own = bars("bars"), rest = bars("null");
    const top = endOfBars([...own, ...rest]), endless = top * 1.06;
    const degrees = [...new Set(own.map((bar) => bar.degree))];
    const end = (bar) => bar.death === null ? endless : bar.death;
    const line = { color: variable("--soft"), width: 1 };
    const scatter = (some, degree, look) => ({ mode: "markers", type: "scatter", hoverinfo: "text",
      x: some.map((bar) => bar.birth), y: some.map(end), text: some.map(barWords),
      marker: { symbol: SYMBOLS[degree], ...look } });
    const traces = [
      { ...scatter(rest, 0, { color: "rgba(0,0,0,0)", size: 7, line: { color: grey(), width: 1 } }),
        name: safe(data.look.null), hoverinfo: "skip" },
      ...degrees.map((degree) => ({
        ...scatter(own.filter((bar) => bar.degree === degree), degree, { color: faint(colour(degree), 0.75), size: 8 }),
        name: `H<sub>${degree}</sub>`, customdata: own.flatMap((bar, k) => bar.degree === degree ? [k] : []) })),
      { x: [], y: [], mode: "markers", hoverinfo: "skip", showlegend: false,
        marker: { size: 16, color: "rgba(0,0,0,0)", line: { color: variable("--text"), width: 2.5 } } },
    ];
    const words = own.length ? `${own.length} bars of ${className(barCloud())} at layer ${layerName()}; the longest: ` +
      degrees.map((degree) => barWords(own.find((bar) => bar.degree === degree))).join("; ") : "No bars are shown.";
    plot("diagram", traces, {
      xaxis: { title: { text: "birth" }, range: [-0.04 * top, endless * 1.03] },
      yaxis: { title: { text: "death" }, range: [-0.02 * top, endless * 1.06] },
      shapes: [{ type: "line", x0: 0, y0: 0, x1: top, y1: top, line },
        { type: "line", x0: 0, y0: endless, x1: 1, xref: "paper", y1: endless, line: { ...line, dash: "dot" } }],
      annotations: [{ x: 1, xref: "paper", y: endless, text: "∞", showarrow: false, yanchor: "bottom" }],
    }, `Persistence diagram. ${words}`);
    plot("barcode", [
      ...degrees.map((degree) => {
        const places = own.flatMap((bar, k) => bar.degree === degree ? [k] : []);
        return { type: "bar", orientation: "h", y: places, base: places.map((k) => own[k].birth), width: 0.9,
          x: places.map((k) => Math.max(end(own[k]) - own[k].birth, top / 400)), text: places.map((k) => barWords(own[k])),
          textposition: "none", hoverinfo: "text", name: `H<sub>${degree}</sub>`, customdata: places,
          marker: { color: colour(degree), line: { width: 0 } } };
      }),
      { x: [], y: [], mode: "lines", hoverinfo: "skip", showlegend: false,
        line: { color: variable("--text"), width: 3 } },
    ], { xaxis: { title: { text: "filtration value" }, range: [-0.02 * top, endless * 1.03] }, bargap: 0,
      yaxis: { showticklabels: false, autorange: "reversed", title: { text: "bars, the longest first" } } },
    `Barcode. ${words}`);
    const cloud = clouds()[barCloud()];
    const shown = (flat) => flat.length / 2;
    say("bars-note", !cloud ? "Bars of this layer are not on this page." :
      `${className(barCloud())}, ${cloud.points} points. ` +
      cloud.bars.map((flat, degree) => `H${degree}: ${cloud.counts[degree]} bars` +
        (shown(flat) < cloud.counts[degree] ? `, the ${shown(flat)} longest shown` : "")).join("; ") +
      (rest.length ? ". Open and grey: one draw of the null model." : ".") +
      (barCloud() !== state.class ? ` There is no diagram of the ${className(state.class)}.` : ""));
    chooseBar(null);
  }

  function chooseBar(place) {
    const own = bars("bars");
    state.bar = place === null || !own.length ? null : Math.min(Math.max(place, 0), own.length - 1);
    const bar = state.bar === null ? null : own[state.bar];
    const end = bar && bar.death === null ? endOfBars([...own, ...bars("null")]) * 1.06 : bar && bar.death;
    const last = (id) => find(id).data.length - 1;
    Plotly.restyle("diagram", { x: [bar ? [bar.birth] : []], y: [bar ? [end] : []] }, [last("diagram")]);
    Plotly.restyle("barcode", { x: [bar ? [bar.birth, end] : []], y: [bar ? [state.bar, state.bar] : []] },
      [last("barcode")]);
    say("chosen-bar", bar ? barWords(bar) : own.length ? "Point at a bar, or use the arrow keys: it is marked in both." : "");
  }

  // ---- points

  function drawPoints() {
    const told = layer(), own = network();
    if (!told) {
      plot("points", [], {}, "No points are shown.");
      say("points-note", "Points of this layer are not on this page.");
      say("chosen-point", "");
      return;
    }
    const flat = told.points[state.strength] || told.points[0];
    const all = told.points.flat();  // one frame for all strengths
    const groups = own.labels ? [...new Set(own.labels)].sort((one, other) => one - other) : [null];
    const chosen = groups.some((label) => String(label) === state.class);
    const traces = groups.map((label, k) => {
      const places = own.indices.flatMap((_, p) => label === null || own.labels[p] === label ? [p] : []);
      const dim = chosen && String(label) !== state.class;
      return { type: "scatter", mode: "markers", hoverinfo: "none", name: label === null ? "images" : safe(className(label)),
        x: places.map((p) => flat[2 * p]), y: places.map((p) => flat[2 * p + 1]), customdata: places,
        opacity: dim ? 0.25 : 0.9, marker: { color: colour(k), symbol: SYMBOLS[k % SYMBOLS.length], size: 8 } };
    });
    traces.push({ x: [], y: [], mode: "markers", hoverinfo: "skip", showlegend: false,
      marker: { size: 18, color: "rgba(0,0,0,0)", line: { color: variable("--text"), width: 2.5 } } });
    const range = (start) => {
      const values = all.filter((_, k) => k % 2 === start), low = Math.min(...values), high = Math.max(...values);
      const space = (high - low) * 0.05 || 1;
      return [low - space, high + space];
    };
    const share = (k) => `${Math.round(100 * told.variance[k])} %`;
    plot("points", traces, {
      xaxis: { title: { text: `axis 1, ${share(0)}` }, range: range(0) },
      yaxis: { title: { text: `axis 2, ${share(1)}` }, range: range(1) },
    }, `${own.indices.length} images at layer ${layerName()} in the plane of their two principal axes, ` +
       `with ${share(0)} and ${share(1)} of the variance, coloured by class.`);
    const attacked = view().steps.length ? " The plane is that of the clean images; thumbnails show them." : "";
    say("points-note", `${own.indices.length} of ${own.images} images, ${told.dimension} features, in the plane of their ` +
      `two principal axes, with their shares of the variance.${attacked} Point at one, or use the arrow keys, to see the image.`);
    choosePoint(null);
  }

  function thumbnail(target, index) {
    const known = sheet(), place = known ? known.places.indexOf(index) : -1;
    target.hidden = place < 0;
    if (place < 0) return;
    const column = place % known.columns, row = Math.floor(place / known.columns);
    target.style.backgroundImage = `url(${known.source})`;
    target.style.backgroundSize = `${96 * known.columns}px auto`;
    target.style.backgroundPosition = `${-96 * column}px ${-96 * row}px`;
    target.setAttribute("aria-label", `image ${index}`);
  }

  function choosePoint(place, at) {
    const own = network(), tip = find("tip");
    state.point = place === null || !layer() ? null : Math.min(Math.max(place, 0), own.indices.length - 1);
    tip.hidden = state.point === null;
    if (!layer()) return;
    const last = [find("points").data.length - 1], flat = layer().points[state.strength] || layer().points[0];
    if (state.point === null) {
      Plotly.restyle("points", { x: [[]], y: [[]] }, last);
      say("chosen-point", "");
      return;
    }
    const [x, y] = [flat[2 * state.point], flat[2 * state.point + 1]], index = own.indices[state.point];
    Plotly.restyle("points", { x: [[x]], y: [[y]] }, last);
    const words = `Image ${index}` + (own.labels ? `, ${className(own.labels[state.point])}` : "");
    thumbnail(tip.querySelector(".thumbnail"), index);
    tip.querySelector(".text").textContent = words;
    say("chosen-point", words);
    const box = find("points").getBoundingClientRect(), axes = find("points")._fullLayout;
    const left = at ? at.clientX : box.left + axes.xaxis._offset + axes.xaxis.d2p(x);
    const top = at ? at.clientY : box.top + axes.yaxis._offset + axes.yaxis.d2p(y);
    tip.style.left = `${Math.max(4, Math.min(left + 14, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(top + 14, innerHeight - tip.offsetHeight - 8))}px`;
  }

  // ---- dimension by scale

  const scales = () => Object.values(curves()).filter((each) => each.order !== null).sort((a, b) => a.order - b.order);

  function drawScale() {
    const own = scales(), x = own.map((each) => each.order);
    const scale = find("scale").parentElement, points = find("points").parentElement;
    scale.hidden = own.length < 2;
    points.classList.toggle("wide", scale.hidden); // where nothing stands beside them
    if (scale.hidden) return;
    const of = (column, k) => own.map((each) => {
      const columns = each.classes[cloudOf(each.classes)];
      return columns && columns[column] ? columns[column][k] : null;
    });
    const traces = model().layers.flatMap(([name], k) => k === state.layer ? [] : [{ x, y: of("value", k), mode: "lines",
      text: x.map(() => safe(name)), hoverinfo: "text", showlegend: false, line: { color: grey(), width: 1 },
      opacity: 0.5 }]);
    traces.push(...band(x, of("ci_low", state.layer), of("ci_high", state.layer), faint(colour(state.model), 0.22), "own"));
    traces.push({ x, y: of("value", state.layer), mode: "lines+markers", name: safe(layerName()), hoverinfo: "y",
      line: { color: colour(state.model), width: 2.5 }, showlegend: true });
    plot("scale", traces, {
      xaxis: { title: { text: "order of the neighbour that sets the scale" }, type: "log", tickvals: x },
      yaxis: { title: { text: "GRIDE dimension" }, rangemode: "tozero" },
    }, `GRIDE dimension of layer ${layerName()} by scale: ` +
       x.map((order, k) => `order ${order}: ${number(of("value", state.layer)[k])}`).join("; "));
    say("scale-note", `Layer ${layerName()}; thin and grey: the other layers of this model.`);
  }

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
      const steps = view().steps;
      find("attack").hidden = !steps.length;
      find("strength").max = Math.max(steps.length - 1, 0);
      find("strength").value = 0;
    }
    state.model = Number(find("model").value);
    state.strength = Number(find("strength").value);
    if (["start", "view", "model"].includes(from)) {
      const names = model().layers.map((each) => each[0]);
      const kept = names.indexOf(find("layer").dataset.name);
      options("layer", names.map((name, k) => [k, name]));
      find("layer").value = kept >= 0 ? kept : Math.min(Number(find("layer").value), names.length - 1);
      const several = scales().length > 1; // one alone is a measure as any other
      options("measure", Object.entries(curves()).filter(([, each]) => each.order === null || !several)
        .map(([key, each]) => [key, each.name]));
      const known = new Set(Object.values(curves()).flatMap((each) => Object.keys(each.classes)));
      options("class", [...known].sort(byClass).map((name) => [name, className(name)]));
    }
    state.layer = Number(find("layer").value);
    find("layer").dataset.name = layerName();
    state.class = find("class").value;
    state.measure = find("measure").value;
    state.version = find("version").value;
    const step = view().steps[state.strength];
    say("reached", step ? `ε = ${number(step.strength)} (${step.unit}), F1 ${number(step.f1)}, success ` +
      number(step.success) : "");
  }

  const byClass = (one, other) => (other in CLOUDS) - (one in CLOUDS) || (other === "mean") - (one === "mean") ||
    one.length - other.length || (one < other ? -1 : 1);

  function draw() {
    say("here", wordsHere());
    drawDepth();
    drawBars();
    drawScale();
    drawPoints();
    Plotly.Plots.resize("points"); // whose place may be as wide as the page now
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
    find("strength").addEventListener("input", () => changed("strength"));
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
})();
