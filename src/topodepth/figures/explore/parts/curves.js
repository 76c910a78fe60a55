// Curves of measures: by depth, and dimension by scale.

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
    if (state.step > 0 && place === state.model) {
      traces.push(...depthTraces(one, place, 0, view().first, { colour: colour(5), symbol: "square", plain: true }));
    }
    traces.push(...depthTraces(one, place, state.step, one.label, mark));
  }
  traces.sort((one, other) => (one.opacity || 1) - (other.opacity || 1)); // the model that is chosen lies above
  if (view().step) traces.push(frameOfSteps());
  const told = measures()[state.measure], here = model().layers[state.layer][1];
  const cloud = cloudOf(told.classes), name = told.name;
  const relative = state.version === "relative_value";
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
    "Click on a point, or use the arrow keys, to choose a layer." +
    (find("diagram").parentElement.hidden ? " Bars and points of these models are not on this page." : ""));
}

// what the slider walks through is drawn in one frame: marks that nobody sees stretch it
function frameOfSteps() {
  const bounds = state.version.replace("value", "ci_");
  const shown = [state.version, `${bounds}low`, `${bounds}high`, ...(state.version === "value" ? ["null_value"] : [])];
  const heights = view().models.flatMap((one) => one.curves.flatMap((_, at) => {
    const columns = columnsOf(one, at) || {};
    return shown.flatMap((column) => columns[column] || []);
  })).filter((value) => value !== null);
  return { x: heights.length ? [0.5, 0.5] : [], y: heights.length ? [Math.min(...heights), Math.max(...heights)] : [],
    mode: "markers", marker: { opacity: 0, size: 16 }, hoverinfo: "skip", showlegend: false };
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

// ---- dimension by scale

const scales = () => Object.values(curves()).filter((each) => each.order !== null).sort((a, b) => a.order - b.order);

function drawScale() {
  const own = scales(), x = own.map((each) => each.order);
  const scale = find("scale").parentElement, points = find("points").parentElement;
  scale.hidden = own.length < 2;
  points.classList.toggle("wide", scale.hidden); // where nothing stands beside it
  scale.classList.toggle("wide", points.hidden);
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
    xaxis: { title: { text: "scale: order of the neighbour" }, type: "log", tickvals: x },
    yaxis: { title: { text: "GRIDE dimension" }, rangemode: "tozero" },
  }, `GRIDE dimension of layer ${layerName()} by scale: ` +
     x.map((order, k) => `order ${order}: ${number(of("value", state.layer)[k])}`).join("; "));
  say("scale-note", `Layer ${layerName()}; thin and grey: the other layers of this model.`);
}
