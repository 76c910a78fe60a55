// One layer of one network: its bars, and its points with their images.

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
  const flat = told.points[state.step];
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
  const attacked = view().step ? " The plane is that of the clean images; thumbnails show them." : "";
  const scaled = own.scaling === "minmax"
    ? `, each scaled to 0 … 1 over all ${own.images} ${view().step ? "clean " : ""}images,` : "";
  say("points-note", `${own.indices.length} of ${own.images} images, ${told.dimension} features${scaled} in the plane of ` +
    `the two principal axes of those shown, with their shares of the variance.${attacked} Point at one, or use the ` +
    "arrow keys, to see the image.");
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
  const last = [find("points").data.length - 1], flat = layer().points[state.step];
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
