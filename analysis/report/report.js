"use strict";
// Draws the figures from the data in the page, and again when a control is changed.
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const cells = data.cells;
  const curves = data.curves;
  const options = { renderer: "svg", actions: false, ast: true, defaultStyle: false };
  const drawn = new Map();

  const byId = (id) => document.getElementById(id);
  const chosen = (id) => Number(byId(id)?.value ?? 0);
  const range = (n) => Array.from({ length: n }, (_, i) => i);
  const partOf = (panel) => (data.panels < data.parts.length ? chosen("part") : panel);
  const shownLines = () =>
    new Set(
      [...document.querySelectorAll("#lines input:checked")].map((box) => Number(box.value)),
    );

  const placeOf = (cell) =>
    [data.parts[cells.part[cell]], data.rows.texts[cells.row[cell]], data.lines[cells.line[cell]]]
      .join(", ");

  // Lines stand a little beside one another, by at most a fifth of the way to the next value.
  function aside(row, line) {
    const most = data.lines.length;
    const share = most > 1 ? (line / (most - 1) - 0.5) * Math.min(0.3, 0.045 * most) : 0;
    const shift = share * data.rows.spacing;
    const number = data.rows.numbers[row];
    return data.rows.logarithmic ? number * 10 ** shift : number + shift;
  }

  function meansRow(cell) {
    const [mean, spread] = [cells.mean[cell], cells.spread[cell] ?? 0];
    const counts = `${cells.n[cell]} of ${cells.declared[cell]}`;
    const lost = cells.diverged[cell];
    const row = {
      line: cells.line[cell], row: cells.row[cell], mean, na: cells.na[cell],
      x: aside(cells.row[cell], cells.line[cell]),
      low: mean - spread, high: mean + spread, cell: placeOf(cell), value: cells.value[cell],
      short: cells.value[cell].split(/[±(]/)[0].trim(),
      seeds_with_value: counts + (lost ? `; ${lost} diverged` : ""),
      values_of_the_seeds: cells.seeds[cell],
    };
    row.words = `${row.cell}: ${row.value}, seeds with a value: ${row.seeds_with_value}`;
    return row;
  }

  function cellsOf(panel, lines) {
    const part = partOf(panel);
    return range(cells.part.length)
      .filter((cell) => cells.part[cell] === part && lines.has(cells.line[cell]));
  }

  function against(panel, lines) {
    const means = cellsOf(panel, lines).map(meansRow);
    const points = means.filter((row) => row.mean !== null);
    const crosses = means.filter((row) => row.na);
    return { means, points, spreads: points, crosses };
  }

  function heat(panel, lines) {
    const rows = cellsOf(panel, lines).map(meansRow);
    const valued = rows.filter((row) => row.mean !== null);
    return { valued, valueless: rows.filter((row) => row.mean === null) };
  }

  const word = curves.word ?? "epoch";
  const lastEpoch = curves.epoch_lists.flat().reduce((a, b) => Math.max(a, b), 2);
  const crossStep = Math.min(0.012, 0.2 / data.lines.length) * (lastEpoch - 1);

  const curvesOfRow = (panel, row) =>
    range(curves.cell.length).filter(
      (curve) =>
        cells.part[curves.cell[curve]] === partOf(panel) && cells.row[curves.cell[curve]] === row,
    );

  function courses(panel, lines) {
    const found = { seeds: [], means: [], ends: [] };
    for (const curve of curvesOfRow(panel, chosen("row"))) {
      if (lines.has(cells.line[curves.cell[curve]])) addCurve(found, curve);
    }
    return found;
  }

  function addCurve(found, curve) {
    const cell = curves.cell[curve];
    const epochs = curves.epoch_lists[curves.epochs[curve]];
    const values = curves.values[chosen("metric")][curve];
    const isMean = curves.seed[curve] === null;
    const common = { line: cells.line[cell], cell: placeOf(cell), curve, seed: curves.seed[curve] };
    const rows = epochs.map((epoch, i) => ({ ...common, epoch, value: values[i] }))
      .filter((row) => row.value !== null || !metric().hasOwnProperty("linear"));
    for (const row of isMean ? rows : []) {
      row.mean = row.value === null ? "–" : String(Number(row.value.toPrecision(5)));
      row.seeds_with_value = `${cells.n[cell]} of ${cells.declared[cell]}`;
      row.words = `${row.cell}, ${word} ${row.epoch}: mean ${row.mean}`;
    }
    (isMean ? found.means : found.seeds).push(...rows);
    if (curves.diverged[curve]) {
      const last = epochs.at(-1);
      const diverged = last ? `after ${word} ${last}` : `in the first ${word}`;
      const words = `${common.cell}, seed ${common.seed}: diverged`;
      // A little beside one another, as the lines of means are.
      const epoch = (last ?? 1) + common.line * crossStep;
      found.ends.push({ ...common, epoch, diverged, words });
    }
  }

  // The metric of a program of the user's own says itself whether its axis is linear.
  const metric = () => curves.metrics[chosen("metric")];
  const isLinear = () => metric().linear ?? metric().name.includes("/top");

  // The same scale in all panels, whatever lines are shown: curves stay where they are.
  function curvesSpec() {
    const spec = structuredClone(data.specs.curves);
    const panels = range(data.panels);
    const used = panels.flatMap((panel) => curvesOfRow(panel, chosen("row")));
    const all = used.flatMap((curve) => curves.values[chosen("metric")][curve]);
    const numbers = all.filter((number) => number !== null);
    const low = numbers.reduce((a, b) => Math.min(a, b), Infinity);
    const high = numbers.reduce((a, b) => Math.max(a, b), -Infinity);
    const scale = scaleOf(low, high);
    const longest = used.map((curve) => curves.epoch_lists[curves.epochs[curve]].at(-1) ?? 1);
    const last = longest.reduce((a, b) => Math.max(a, b), 2);
    const ticks = range(last).map((i) => i + 1).filter((_, i) => i % Math.ceil(last / 10) === 0);
    for (const layer of spec.layer.filter((one) => one.encoding)) {
      layer.encoding.x.scale = { domain: [1, last], nice: false, zero: false };
      layer.encoding.x.axis.values = ticks;
      if (layer.encoding.y.field) Object.assign(layer.encoding.y.scale, scale);
    }
    const param = (name) => spec.params.find((one) => one.name === name);
    param("atTop").value = metric().at_top;
    param("hasBand").value = used.some((curve) => curves.diverged[curve]);
    return spec;
  }

  function scaleOf(low, high) {
    if (!(low <= high)) return { domain: [0, 1] };
    const logarithmic = low > 0 && !isLinear();
    if (logarithmic) return { type: "log", domain: [low / 1.15, high * 1.15], nice: false };
    const margin = 0.06 * (high - low || Math.abs(high) || 1);
    return { domain: [low - margin, high + margin], nice: false, zero: false };
  }

  const figures = {
    against: { rows: against, spec: () => structuredClone(data.specs.against) },
    curves: { rows: courses, spec: curvesSpec },
    heat: { rows: heat, spec: () => structuredClone(data.specs.heat) },
  };

  async function draw(key) {
    const figure = byId(key);
    const title = figure.querySelector("h3").textContent;
    await Promise.all([...figure.querySelectorAll(".view")].map(async (element, panel) => {
      const name = data.parts[partOf(panel)];
      element.parentElement.querySelector(".panel-title").textContent = name;
      const spec = figures[key].spec();
      spec.description = `${title}, ${name}`;
      spec.datasets = figures[key].rows(panel, shownLines());
      drawn.get(element)?.finalize();
      drawn.set(element, await vegaEmbed(element, spec, options));
    }));
  }

  async function refill(key) {
    const lines = shownLines();
    await Promise.all([...byId(key).querySelectorAll(".view")].map(async (element, panel) => {
      const view = drawn.get(element)?.view;
      if (!view) return;
      for (const [name, rows] of Object.entries(figures[key].rows(panel, lines))) {
        view.data(name, rows);
      }
      await view.runAsync();
    }));
  }

  function showKeys() {
    const lines = shownLines();
    for (const entry of document.querySelectorAll(".entry")) {
      entry.hidden = !lines.has(Number(entry.dataset.line));
    }
  }

  // One change after the other: a figure is not refilled while it is being drawn.
  let work = Promise.resolve();
  const next = (task) => { work = work.then(task).catch((error) => console.error(error)); };
  const all = (task) => async () => { for (const key of Object.keys(figures)) await task(key); };

  byId("lines").addEventListener("change", () => { showKeys(); next(all(refill)); });
  for (const id of ["metric", "row"]) {
    byId(id).addEventListener("change", () => next(() => draw("curves")));
  }
  byId("part")?.addEventListener("change", () => next(all(draw)));
  showKeys();
  next(all(draw));
  next(() => { document.documentElement.dataset.figures = "drawn"; });
})();
