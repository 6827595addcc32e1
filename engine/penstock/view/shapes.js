// Boxes and wires as SVG elements, those that `svg.py` writes; and the picture that `page.py` put
// into JSON.
//
// Every text from the graph reaches the document as text only (text nodes, attributes set by name),
// never as markup.
"use strict";

const penstockShapes = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const { titleOf, shorten, ROW, ROWS_CAP } = penstockDrawing;

  function make(name, attrs = {}, ...children) {
    const isSvg = name.startsWith("svg:");
    const element = isSvg
      ? document.createElementNS(SVG, name.slice(4))
      : document.createElement(name);
    for (const [key, value] of Object.entries(attrs)) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (value !== false && value !== "") element.setAttribute(key, value);
    }
    for (const child of children.flat()) if (child !== null) element.append(child);
    return element;
  }
  const svg = (name, attrs, ...children) => make(`svg:${name}`, attrs, ...children);

  // ---- the data

  function nodesOf(data) {
    const text = (i) => data.texts[i];
    return data.records.map(([name, op, device, inputs, controls, outputs, attrs, source, row, shown]) => ({
      name: text(name), op: text(op), device, inputs, controls: controls.map(text),
      outputs: outputs.map(text), attrs: attrs.map(text), source: text(source), row: text(row),
      shown: text(shown),
      reads: Array.from({ length: inputs.length / 2 }, (_, k) => [text(inputs[2 * k]), inputs[2 * k + 1]]),
    }));
  }

  function pictureOf(stage, all, texts) {
    const nodes = stage.nodes.map((i) => all[i]);
    const place = new Map(nodes.map((node, i) => [node.name, i]));
    const scopes = stage.scopes.map(([parent, label, path, isLane]) => ({
      parent, label: texts[label], path: texts[path], isLane: isLane === 1,
    }));
    const within = nodes.map(() => -1);
    for (const [node, reader] of stage.within) within[node] = reader;
    const marks = nodes.map(() => "");
    for (const [mark, list] of Object.entries(stage.marks)) for (const i of list) marks[i] = mark;
    const remarks = new Map(stage.remarks.map(([name, remark]) => [texts[name], texts[remark]]));
    const has = (name) => place.has(name);
    const reads = nodes.map((node) => [
      ...node.reads.filter(([name]) => has(name)).map(([name, k]) => [place.get(name), k]),
      ...node.controls.filter(has).map((name) => [place.get(name), -1]),
    ]);
    const inside = scopes.map(() => []);
    stage.home.forEach((home, i) => {
      for (let s = home; s >= 0; s = scopes[s].parent) inside[s].push(i);
    });
    return {
      nodes, place, scopes, within, marks, remarks, reads, inside, home: stage.home,
      transfers: stage.transfers, title: stage.title, about: stage.about, first: stage.opened,
    };
  }

  // ---- drawing, as svg.py does

  const round = (value) => String(Math.round(value * 10) / 10);
  const rect = (kind, x, y, width, height, rx) =>
    svg("rect", { class: kind, x: round(x), y: round(y), width: round(width), height: round(height), rx });
  function label(kind, x, y, text, anchor = "middle") {
    return svg("text", { class: kind, x: round(x), y: round(y), "text-anchor": anchor }, text);
  }
  const colour = (device) => (device < 0 ? "" : `--own:var(--d${device % 10})`);
  const SIGNS = [["gone", "−"], ["changed", "~"], ["new", "+"], ["ready", "●"], ["failed", "✖"]];
  const IO = new Set(["_Arg", "_Retval", "Placeholder", "PlaceholderWithDefault"]);
  const TRANSFERS = new Set(["_Send", "_Recv", "_HostSend", "_HostRecv"]);

  function nodeShape(picture, box) {
    const node = picture.nodes[box.item];
    const [io, transfer] = [IO.has(node.op), TRANSFERS.has(node.op)];
    const kind = ["box", "node", picture.marks[box.item], io ? "io" : "", transfer ? "transfer" : ""];
    const [first, second] = titleOf(node, picture.scopes[picture.home[box.item]].path);
    const middle = box.x + box.width / 2;
    const g = svg("g", { class: kind.filter(Boolean).join(" "), style: colour(node.device), tabindex: 0 });
    for (const face of ["face", "tint"]) {
      g.append(rect(face, box.x, box.y, box.width, box.height, io || transfer ? 13 : 5));
    }
    g.append(label("op", middle, box.y + 17, first));
    if (second) g.append(label("name", middle, box.y + 31, second));
    if (box.rows.length) g.append(...rowShapes(picture, box, box.y + (second ? 38 : 26)));
    return g;
  }

  function rowShapes(picture, box, top) {
    const [x1, x2] = [box.x + 8, box.x + box.width - 8];
    const shapes = [svg("line", { class: "rule", x1, x2, y1: top, y2: top })];
    box.rows.slice(0, ROWS_CAP).forEach((row, k) => {
      const kind = `row ${picture.marks[row]}`;
      shapes.push(label(kind, box.x + 10, top + 11 + k * ROW, picture.nodes[row].row, "start"));
    });
    const more = box.rows.length - ROWS_CAP;
    if (more > 0) shapes.push(label("row", box.x + 10, top + 11 + ROWS_CAP * ROW, `… ${more} more constants`, "start"));
    return shapes;
  }

  function scopeShape(picture, box) {
    const number = box.item - picture.nodes.length;
    const [scope, inside] = [picture.scopes[number], picture.inside[number]];
    const counts = new Map();
    for (const i of inside) {
      const { device } = picture.nodes[i];
      counts.set(device, (counts.get(device) || 0) + 1);
    }
    const kind = box.isOpen ? (scope.isLane ? "box open lane" : "box open") : "box scope";
    const style = counts.size === 1 ? colour([...counts.keys()][0]) : "";
    const g = svg("g", { class: kind, style, tabindex: 0, role: "button", "aria-expanded": String(box.isOpen) });
    const name = shorten(scope.label, 30);
    if (box.isOpen) {
      g.append(rect("face", box.x, box.y, box.width, box.height, 8));
      g.append(label("head", box.x + 12, box.y + 18, `▾ ${name}`, "start"));
      return g;
    }
    g.append(rect("behind", box.x + 4, box.y + 4, box.width, box.height, 7));
    for (const face of ["face", "tint"]) g.append(rect(face, box.x, box.y, box.width, box.height, 7));
    g.append(label("op", box.x + box.width / 2, box.y + 18, `▸ ${name}`));
    const count = `${inside.length} node${inside.length === 1 ? "" : "s"}`;
    g.append(label("name", box.x + box.width / 2, box.y + 33, count));
    g.append(...badges(picture, box, inside), ...stripes(box, counts, inside.length));
    return g;
  }

  function badges(picture, box, inside) {
    const shapes = [];
    let x = box.x + box.width;
    for (const [mark, sign] of SIGNS) {
      const count = inside.filter((i) => picture.marks[i] === mark).length;
      if (!count) continue;
      shapes.push(label(`badge ${mark}`, x, box.y - 3, `${sign}${count}`, "end"));
      x -= 12 + 6 * String(count).length;
    }
    return shapes;
  }

  function stripes(box, counts, total) {
    const devices = [...counts.keys()].filter((d) => d >= 0).sort((a, b) => a - b);
    if (devices.length < 2) return [];
    let x = box.x + 8;
    return devices.map((device) => {
      const width = ((box.width - 16) * counts.get(device)) / total;
      x += width;
      const place = { x: round(x - width), y: round(box.y + box.height - 5), width: round(width) };
      return svg("rect", { ...place, height: 2.5, style: `fill:var(--d${device % 10})` });
    });
  }

  function pathOf(points, isArc) {
    let [x, y] = points[0];
    const start = `M${round(x)} ${round(y)}`;
    if (isArc) return `${start}C${points.slice(1).map((p) => p.map(round).join(" ")).join(" ")}`;
    let text = start;
    for (const [a, b] of points.slice(1)) {
      const middle = round((y + b) / 2);
      text += Math.abs(a - x) < 0.05
        ? `V${round(b)}`
        : `C${round(x)} ${middle} ${round(a)} ${middle} ${round(a)} ${round(b)}`;
      [x, y] = [a, b];
    }
    return text;
  }

  function arrow(points, isArc) {
    const [[x0, y0], [x, y]] = points.slice(-2);
    const side = isArc ? (x >= x0 ? 7 : -7) : y >= y0 ? 7 : -7;
    const ends = isArc
      ? [[x, y], [x - side, y - 3.5], [x - side, y + 3.5]]
      : [[x, y], [x - 3.5, y - side], [x + 3.5, y - side]];
    return ends.map((end) => end.map(round).join()).join(" ");
  }

  function wireShape(picture, wire) {
    const { bundle, points } = wire;
    const { marks } = picture;
    const gone = bundle.edges.every(([a, b]) => marks[a] === "gone" || marks[b] === "gone");
    const kind = bundle.isTransfer ? "transfer" : bundle.tensors.size ? "" : "control";
    const g = svg("g", { class: ["wire", kind, gone ? "gone" : ""].filter(Boolean).join(" ") });
    const width = Math.min(4, 1.3 + 0.35 * (bundle.tensors.size - 1));
    const d = pathOf(points, bundle.isTransfer);
    g.append(svg("path", { d, style: width > 1.35 && !bundle.isTransfer ? `stroke-width:${width}` : "" }));
    g.append(svg("path", { d, class: "reach" }));
    if (wire.hasArrow) g.append(svg("polygon", { points: arrow(points, bundle.isTransfer) }));
    if (wire.labelAt) g.append(label("label", ...wire.labelAt, wire.label));
    return g;
  }

  return { make, svg, colour, round, nodesOf, pictureOf, nodeShape, scopeShape, wireShape };
})();
