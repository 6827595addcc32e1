// A picture with some scopes open → boxes and wires with coordinates: `drawing.py` once more.
//
// Enters: a picture and the set of open scopes. Leaves: boxes, wires and arcs, number for number
// those of Python, which a test compares. `page.js` draws them.
"use strict";

const penstockDrawing = (() => {
  const [LETTER, LETTER_SMALL, PAD, HEAD, ROW] = [7.7, 6.3, 18, 32, 15];
  const [ROWS_CAP, LANE_GAP, CELL] = [3, 70, 128];
  const letters = (text) => [...text];
  const length = (text) => letters(text).length;
  const shorten = (text, n) => (length(text) <= n ? text : letters(text).slice(0, n - 1).join("") + "…");
  const shortenFront = (text, n) =>
    length(text) <= n ? text : "…" + letters(text).slice(length(text) - n + 1).join("");
  const push = (map, key, value) => (map.has(key) ? map.get(key).push(value) : map.set(key, [value]));


  function titleOf(node, around) {
    const lastOf = (name) => name.slice(name.lastIndexOf("/") + 1);
    let last = node.name.startsWith(around + "/") ? node.name.slice(around.length + 1) : node.name;
    if (node.name === around) last = lastOf(node.name);
    if (node.shown) last = node.shown;
    const said = last === node.op || last === `${node.op}/${node.op}`;
    return [shorten(node.op, 30), said ? "" : shortenFront(last, 30)];
  }

  function draw(picture, opened) {
    const seen = penstockLevels.see(picture, opened);
    const rows = new Map();
    picture.within.forEach((reader, node) => { if (reader >= 0) push(rows, reader, node); });
    const d = {
      picture, seen, count: seen.count, rows, flat: new Map(), place: new Map(), portX: new Map(),
      size: new Map(), boxOf: new Map(), boxes: [], wires: [],
    };
    const [width, height] = measure(d, 0);
    emit(d, 0, 0, 0);
    const all = withLabels([...d.wires, ...arcsOf(d)], d.boxes);
    const split = d.wires.length;
    return { boxes: d.boxes, wires: all.slice(0, split), arcs: all.slice(split), width, height };
  }

  function sizeOf(d, item) {
    if (item < 0) return [8, 0];
    if (item >= d.count) {
      const label = length(shorten(d.picture.scopes[item - d.count].label, 30));
      if (!d.seen.isOpen(item)) return [Math.max(92, 36 + LETTER * label), 42];
      const [width, height] = measure(d, item - d.count);
      return [Math.max(width + 2 * PAD, 44 + LETTER * label), height + PAD + HEAD];
    }
    const [first, second] = titleOf(d.picture.nodes[item], d.picture.scopes[d.picture.home[item]].path);
    let width = Math.max(LETTER * length(first), LETTER_SMALL * length(second));
    const rows = d.rows.get(item) || [];
    for (const row of rows.slice(0, ROWS_CAP)) {
      width = Math.max(width, 10 + LETTER_SMALL * length(d.picture.nodes[row].row));
    }
    const count = Math.min(rows.length, ROWS_CAP + 1);
    return [Math.max(46, width + 20), (second ? 38 : 26) + (count ? count * ROW + 4 : 0)];
  }

  function measure(d, number) {
    const level = d.seen.levels.get(number);
    const items = [...level.items, ...level.upper, ...level.lower];
    const place = new Map(items.map((item, k) => [item, k]));
    d.place.set(number, place);
    const sizes = items.map((item) => sizeOf(d, item));
    items.forEach((item, k) => d.size.set(item, sizes[k]));
    const at = (item) => place.get(item);
    const first = level.items[0];
    const flat = first >= d.count && d.picture.scopes[first - d.count].isLane
      ? sideBySide(sizes)
      : penstockLayers.arrange(sizes, level.bundles.map((b) => edgeOf(d, b, at)), level.upper.map(at), level.lower.map(at));
    d.flat.set(number, flat);
    for (const port of [...level.upper, ...level.lower]) d.portX.set(port, flat.x[at(port)]);
    return [flat.width, flat.height];
  }

  function edgeOf(d, bundle, at) {
    const [source, target] = [at(bundle.source), at(bundle.target)];
    const [leaves, enters] = [meets(d, bundle, bundle.source), meets(d, bundle, bundle.target)];
    if (bundle.flipped) return { source: target, target: source, leaves: enters, enters: leaves };
    return { source, target, leaves, enters };
  }

  function meets(d, bundle, item) {
    if (item < d.count || !d.seen.isOpen(item)) return 0;
    const key = [bundle.level, bundle.source, bundle.target, item - d.count].join();
    return d.portX.get(d.seen.ports.get(key)) - d.flat.get(item - d.count).width / 2;
  }

  function emit(d, number, left, top) {
    const [level, flat, place] = [d.seen.levels.get(number), d.flat.get(number), d.place.get(number)];
    for (const item of level.items) {
      const [width, height] = d.size.get(item);
      const x = left + flat.x[place.get(item)] - width / 2;
      const y = top + flat.y[place.get(item)] - height / 2;
      const box = { item, x, y, width, height, isOpen: d.seen.isOpen(item), rows: d.rows.get(item) || [] };
      d.boxOf.set(item, box);
      d.boxes.push(box);
      if (box.isOpen) {
        const inner = d.flat.get(item - d.count);
        emit(d, item - d.count, x + (width - inner.width) / 2, y + HEAD);
      }
    }
    emitWires(d, level, flat, place, left, top);
  }

  function emitWires(d, level, flat, place, left, top) {
    const ends = level.bundles.map((b) => (b.flipped ? [b.target, b.source] : [b.source, b.target]));
    const [exits, entries] = [0, 1].map((side) => spreadEnds(d, level, flat, place, ends, left, side));
    const border = (item, upper) => {
      if (item < 0) return upper ? top + flat.height + PAD : top - HEAD;
      const box = d.boxOf.get(item);
      return upper ? box.y : box.y + box.height;
    };
    level.bundles.forEach((bundle, k) => {
      const [upper, lower] = ends[k];
      const above = upper >= 0 ? flat.ranks[place.get(upper)][1] : 0;
      const below = lower >= 0 ? flat.ranks[place.get(lower)][0] : flat.height;
      const points = [[exits[k], border(upper, false)], [exits[k], top + above]];
      for (const [x, high, low] of flat.routes[k]) points.push([left + x, top + high], [left + x, top + low]);
      points.push([entries[k], top + below], [entries[k], border(lower, true)]);
      if (bundle.flipped) points.reverse();
      const atPort = bundle.source < 0 || bundle.target < 0;
      const hasArrow = !(bundle.target < 0 || d.seen.isOpen(bundle.target));
      const label = atPort ? "" : labelOf(d, bundle);
      d.wires.push({ points: distinct(points), bundle, hasArrow, label, labelAt: null });
    });
  }

  function spreadEnds(d, level, flat, place, ends, left, side) {
    const xs = ends.map(() => 0);
    const groups = new Map();
    ends.forEach((pair, k) => push(groups, pair[side], k));
    const towards = (k) => {
      const route = flat.routes[k];
      return route.length ? route.at(side === 0 ? 0 : -1)[0] : flat.x[place.get(ends[k][1 - side])];
    };
    for (const [item, group] of groups) {
      const middle = left + flat.x[place.get(item)];
      if (item < 0 || d.seen.isOpen(item)) {
        for (const k of group) xs[k] = middle + meets(d, level.bundles[k], item);
        continue;
      }
      const step = Math.min(14, (d.size.get(item)[0] - 20) / group.length);
      group.sort((a, b) => towards(a) - towards(b));
      group.forEach((k, n) => { xs[k] = middle + (n - (group.length - 1) / 2) * step; });
    }
    return xs;
  }

  function labelOf(d, bundle) {
    const texts = [...bundle.tensors.values()].map(([node, k]) => d.picture.nodes[node].outputs[k] || "");
    if (!texts.length) return "";
    if (new Set(texts).size > 1) return `${texts.length} tensors`;
    return texts.length === 1 ? texts[0] : `${texts.length} × ${texts[0]}`;
  }

  function arcsOf(d) {
    const found = new Map();
    for (const [source, target] of d.picture.transfers) {
      const ends = [d.seen.chains[source].at(-1), d.seen.chains[target].at(-1)];
      if (ends[0] === ends[1]) continue;
      const key = ends.join();
      if (!found.has(key)) found.set(key, { ...penstockLevels.newBundle(0, ...ends), isTransfer: true });
      found.get(key).edges.push([source, target]);
      found.get(key).tensors.set(`${target}:0`, [target, 0]);
    }
    return [...found.values()].map((bundle) => ({
      points: arcBetween(d.boxOf.get(bundle.source), d.boxOf.get(bundle.target)),
      bundle, hasArrow: true, label: labelOf(d, bundle), labelAt: null,
    }));
  }

  const distinct = (points) =>
    points.filter((p, k) => !k || p[0] !== points[k - 1][0] || p[1] !== points[k - 1][1]);

  function withLabels(wires, boxes) {
    const taken = new Taken();
    for (const b of boxes) if (!b.isOpen) taken.add([b.x, b.y, b.x + b.width, b.y + b.height]);
    return wires.map((wire) => {
      for (const [x, y] of wire.label ? labelPlaces(wire) : []) {
        const half = length(wire.label) * 2.7;
        const spot = [x - half, y - 9, x + half, y + 2];
        if (!taken.isFree(spot)) continue;
        taken.add(spot);
        return { ...wire, labelAt: [x, y] };
      }
      return wire;
    });
  }

  class Taken {
    constructor() {
      this.cells = new Map();
    }

    * touched(r) {
      const [left, top, right, bottom] = r.map((v) => Math.floor(v / CELL));
      for (let x = left; x <= right; x++) for (let y = top; y <= bottom; y++) yield `${x},${y}`;
    }

    add(r) {
      for (const cell of this.touched(r)) push(this.cells, cell, r);
    }

    isFree(r) {
      const overlaps = (o) => r[0] < o[2] && o[0] < r[2] && r[1] < o[3] && o[1] < r[3];
      for (const cell of this.touched(r)) if (this.cells.get(cell)?.some(overlaps)) return false;
      return true;
    }
  }

  function labelPlaces({ points, bundle }) {
    if (bundle.isTransfer) return [[(points[0][0] + points[3][0]) / 2, (points[0][1] + points[3][1]) / 2 - 3]];
    const middles = [];
    for (let k = 1; k < points.length; k++) {
      const [[x0, y0], [x1, y1]] = [points[k - 1], points[k]];
      if (Math.abs(y1 - y0) > 14) middles.push([(x0 + x1) / 2, (y0 + y1) / 2 + 3]);
    }
    return [...middles.slice(0, 1), ...middles.slice(1).reverse()];
  }

  function arcBetween(source, target) {
    const [y1, y2] = [source.y + source.height / 2, target.y + target.height / 2];
    const [right1, right2] = [source.x + source.width, target.x + target.width];
    let [x1, x2] = [right1, target.x];
    if (right1 >= target.x && right2 < source.x) [x1, x2] = [source.x, right2];
    else if (right1 >= target.x) {
      const bulge = Math.max(right1, right2) + 40;
      return [[right1, y1], [bulge, y1], [bulge, y2], [right2, y2]];
    }
    const middle = (x1 + x2) / 2;
    return [[x1, y1], [middle, y1], [middle, y2], [x2, y2]];
  }

  function sideBySide(sizes) {
    const xs = [];
    let left = 0;
    for (const [width] of sizes) {
      xs.push(left + width / 2);
      left += width + LANE_GAP;
    }
    return {
      x: xs, y: sizes.map((s) => s[1] / 2), routes: [], ranks: sizes.map((s) => [0, s[1]]),
      width: Math.max(0, left - LANE_GAP), height: penstockLayers.maxOf(sizes.map((s) => s[1]), 0),
    };
  }

  return { draw, titleOf, shorten, ROW, ROWS_CAP };
})();
