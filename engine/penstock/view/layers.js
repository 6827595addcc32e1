// Layered layout of one level: `layers.py` once more, number for number.
//
// Enters: sizes, edges from upper to lower vertices, the vertices on the borders. Leaves: centres,
// what each edge passes, the extent. Only sums, products and comparisons, in Python's order.
"use strict";

const penstockLayers = (() => {
  const [GAP_X, GAP_Y, GAP_ROUTE, GAP_PORT] = [22, 26, 12, 16];
  const [WIDE, SWEEPS, PLACINGS] = [900, 8, 16];
  const maxOf = (values, otherwise) => {
    let best = otherwise;
    let first = true;
    for (const v of values) if (first || v > best) [best, first] = [v, false];
    return best;
  };
  const minOf = (values, otherwise) => -maxOf(values.map((v) => -v), -otherwise);

  function arrange(sizes, edges, upper, lower) {
    const joined = new Set(edges.flatMap((e) => [e.source, e.target]));
    const alone = sizes.map((_, v) => v).filter((v) => !joined.has(v));
    const vs = {
      real: sizes.length, width: sizes.map((s) => s[0]), height: sizes.map((s) => s[1]),
      rank: ranks(sizes, edges, upper, lower, joined),
      up: sizes.map(() => []), down: sizes.map(() => []),
    };
    const before = maxOf(vs.rank, -1);
    const chains = edges.map((edge) => chainThrough(vs, edge));
    let rows = Array.from({ length: before + 1 }, () => []);
    vs.rank.forEach((r, v) => { if (v >= vs.real || joined.has(v)) rows[r].push(v); });
    rows = uncross(rows, vs);
    const x = columns(rows, vs);
    straighten(rows, chains, edges, vs, x);
    return finish(vs, rows, x, chains, alone);
  }

  function ranks(sizes, edges, upper, lower, joined) {
    const below = sizes.map(() => []);
    const above = sizes.map(() => []);
    for (const { source, target } of edges) {
      below[source].push(target);
      above[target].push(source);
    }
    const borders = new Set([...upper, ...lower]);
    const inner = sizes.map((_, v) => v).filter((v) => joined.has(v) && !borders.has(v));
    const order = downwards(inner, above, below);
    const natural = sizes.map(() => 0);
    const free = (list) => list.filter((v) => !borders.has(v));
    for (const v of order) natural[v] = maxOf(free(above[v]).map((u) => natural[u] + 1), 0);
    for (const v of [...order].reverse()) {
      const nearest = minOf(free(below[v]).map((t) => natural[t] - 1), -1);
      if (nearest > natural[v] && below[v].length > above[v].length) natural[v] = nearest;
    }
    const rank = spread(sizes, order, natural, above, borders);
    const last = maxOf(inner.map((v) => rank[v]), -1) + 1;
    const shift = upper.length ? 1 : 0;
    const result = rank.map((r) => r + shift);
    for (const v of upper) result[v] = 0;
    for (const v of lower) result[v] = last + shift;
    return result;
  }

  function downwards(inner, above, below) {
    const waits = new Map(inner.map((v) => [v, 0]));
    for (const v of inner) waits.set(v, above[v].filter((u) => waits.has(u)).length);
    const order = inner.filter((v) => !waits.get(v));
    for (const v of order) {
      for (const t of below[v]) {
        if (!waits.has(t)) continue;
        waits.set(t, waits.get(t) - 1);
        if (!waits.get(t)) order.push(t);
      }
    }
    return order;
  }

  function spread(sizes, order, natural, above, borders) {
    let area = 0;
    for (const v of order) area += (sizes[v][0] + GAP_X) * (sizes[v][1] + GAP_Y);
    const room = Math.max(WIDE, 1.7 * Math.sqrt(area));
    const used = [];
    const rank = sizes.map(() => 0);
    for (const v of [...order].sort((a, b) => natural[a] - natural[b])) {
      let r = natural[v];
      for (const u of above[v]) if (!borders.has(u)) r = Math.max(r, rank[u] + 1);
      const width = sizes[v][0] + GAP_X;
      while (r < used.length && used[r] > 0 && used[r] + width > room) r++;
      while (used.length <= r) used.push(0);
      used[r] += width;
      rank[v] = r;
    }
    return rank;
  }

  function chainThrough(vs, edge) {
    const chain = [edge.source];
    for (let r = vs.rank[edge.source] + 1; r < vs.rank[edge.target]; r++) {
      chain.push(vs.width.length);
      vs.width.push(1);
      vs.height.push(0);
      vs.rank.push(r);
      vs.up.push([]);
      vs.down.push([]);
    }
    chain.push(edge.target);
    for (let k = 0; k < chain.length - 1; k++) {
      let shift = k === 0 ? edge.leaves : 0;
      shift -= k === chain.length - 2 ? edge.enters : 0;
      vs.down[chain[k]].push([chain[k + 1], shift]);
      vs.up[chain[k + 1]].push([chain[k], shift]);
    }
    return chain;
  }

  const gapOf = (vs, left, right) =>
    (vs.width[left] + vs.width[right]) / 2 + (left < vs.real && right < vs.real ? GAP_X : GAP_ROUTE);

  function uncross(rows, vs) {
    const place = vs.rank.map(() => 0);
    const number = (row) => row.forEach((v, k) => { place[v] = k; });
    rows.forEach(number);
    let [best, fewest] = [rows, crossings(rows, vs, place)];
    for (let sweep = 0; sweep < SWEEPS && fewest; sweep++) {
      const down = sweep % 2 === 0;
      const near = down ? vs.up : vs.down;
      rows = rows.map((row) => [...row]);
      for (const row of down ? rows : [...rows].reverse()) {
        const wish = new Map(row.map((v) => [v, middle(near[v], place, place[v])]));
        row.sort((a, b) => wish.get(a) - wish.get(b));
        number(row);
      }
      const count = crossings(rows, vs, place);
      if (count < fewest) [best, fewest] = [rows, count];
    }
    return best;
  }

  function middle(near, place, otherwise) {
    if (!near.length) return otherwise;
    let total = 0;
    for (const [v, shift] of near) total += place[v] + shift * 0.001;
    return total / near.length;
  }

  function crossings(rows, vs, place) {
    let count = 0;
    for (const row of rows) {
      const seen = [];
      const position = (end, after) => {
        let [low, high] = [0, seen.length];
        while (low < high) {
          const mid = (low + high) >> 1;
          if (after ? end < seen[mid] : end <= seen[mid]) high = mid;
          else low = mid + 1;
        }
        return low;
      };
      for (const v of row) {
        const ends = vs.down[v].map(([t]) => place[t]).sort((a, b) => a - b);
        for (const end of ends) count += seen.length - position(end, true);
        for (const end of ends) seen.splice(position(end, false), 0, end);
      }
    }
    return count;
  }

  function columns(rows, vs) {
    const x = vs.rank.map(() => 0);
    for (const row of rows) {
      for (let k = 1; k < row.length; k++) x[row[k]] = x[row[k - 1]] + gapOf(vs, row[k - 1], row[k]);
      const half = row.length ? x[row.at(-1)] / 2 : 0;
      for (const v of row) x[v] -= half;
    }
    for (let turn = 0; turn < PLACINGS; turn++) {
      const down = turn % 2 === 0;
      for (const row of down ? rows : [...rows].reverse()) place(row, vs, x, down, turn >= PLACINGS - 2);
    }
    return x;
  }

  function place(row, vs, x, down, both) {
    const [wishes, weights, starts] = [[], [], [0]];
    const weigh = (a, b) => [1, 2, 8][(a >= vs.real) + (b >= vs.real)];
    row.forEach((v, k) => {
      let [total, weight] = [0, 0];
      const add = (near, sign) => {
        for (const [u, shift] of near) {
          const w = weigh(v, u);
          total += w * (x[u] + sign * shift);
          weight += w;
        }
      };
      if (down || both) add(vs.up[v], 1);
      if (!down || both) add(vs.down[v], -1);
      if (k) starts.push(starts[k - 1] + gapOf(vs, row[k - 1], v));
      wishes.push((weight ? total / weight : x[v]) - starts[k]);
      weights.push(weight || 0.1);
    });
    rising(wishes, weights).forEach((wish, k) => { x[row[k]] = wish + starts[k]; });
  }

  function rising(wishes, weights) {
    const pools = [];
    wishes.forEach((wish, k) => {
      let [mean, total, size] = [wish, weights[k], 1];
      while (pools.length && pools.at(-1)[0] > mean) {
        const [other, heavy, count] = pools.pop();
        mean = (mean * total + other * heavy) / (total + heavy);
        total += heavy;
        size += count;
      }
      pools.push([mean, total, size]);
    });
    return pools.flatMap(([mean, , size]) => Array(size).fill(mean));
  }

  function straighten(rows, chains, edges, vs, x) {
    const [left, right] = [new Map(), new Map()];
    for (const row of rows) {
      for (let k = 1; k < row.length; k++) {
        right.set(row[k - 1], row[k]);
        left.set(row[k], row[k - 1]);
      }
    }
    const longest = chains.map((_, k) => k).sort((a, b) => chains[b].length - chains[a].length);
    for (const k of longest) {
      const chain = chains[k];
      const last = chain.length - 1;
      for (let start = 1; start < last;) {
        let [low, high, end] = [-Infinity, Infinity, start];
        for (; end < last; end++) {
          const v = chain[end];
          const [a, b] = [left.get(v), right.get(v)];
          const least = a === undefined ? -Infinity : x[a] + gapOf(vs, a, v);
          const most = b === undefined ? Infinity : x[b] - gapOf(vs, v, b);
          if (Math.max(low, least) > Math.min(high, most)) break;
          [low, high] = [Math.max(low, least), Math.min(high, most)];
        }
        let wish = x[chain[start]];
        if (start === 1) wish = x[chain[0]] + edges[k].leaves;
        else if (end === last) wish = x[chain[last]] + edges[k].enters;
        for (const v of chain.slice(start, end)) x[v] = Math.max(low, Math.min(high, wish));
        start = Math.max(end, start + 1);
      }
    }
  }

  function finish(vs, rows, x, chains, alone) {
    const [tops, bottoms, y] = [[], [], x.map(() => 0)];
    let [at, gap] = [0, 0];
    for (const row of rows) {
      const height = maxOf(row.map((v) => vs.height[v]), 0);
      tops.push(at);
      bottoms.push(at + height);
      for (const v of row) y[v] = at + (vs.down[v].length ? height : vs.height[v]) / 2;
      gap = gapBelow(vs, row);
      at += height + gap;
    }
    const placed = rows.flat();
    const low = minOf(placed.map((v) => x[v] - vs.width[v] / 2), 0);
    const high = maxOf(placed.map((v) => x[v] + vs.width[v] / 2), 0);
    const [width, height] = shelve(alone, vs, x, y, low, high - low, Math.max(0, at - gap));
    const span = (v) => [tops[vs.rank[v]], bottoms[vs.rank[v]]];
    const free = new Set(alone);
    const real = Array.from({ length: vs.real }, (_, v) => v);
    return {
      x: real.map((v) => x[v] - low), y: real.map((v) => y[v]), width, height,
      routes: chains.map((chain) => chain.slice(1, -1).map((v) => [x[v] - low, ...span(v)])),
      ranks: real.map((v) => (free.has(v) ? [0, 0] : span(v))),
    };
  }

  function gapBelow(vs, row) {
    let bends = 0;
    for (const v of row) for (const [t] of vs.down[v]) if (vs.height[v] + vs.height[t] > 0) bends++;
    const border = row.length && row.every((v) => v < vs.real && !vs.height[v]);
    return border ? GAP_PORT + Math.min(12, bends) : GAP_Y + Math.min(24, 3 * bends);
  }

  function shelve(alone, vs, x, y, low, width, height) {
    if (!alone.length) return [width, height];
    let area = 0;
    for (const v of alone) area += (vs.width[v] + GAP_X) * (vs.height[v] + GAP_X);
    const room = Math.min(1.5 * Math.sqrt(area), height ? (2 * area) / height : Infinity);
    const start = width ? width + 2 * GAP_X : 0;
    let [left, top, tall] = [0, 0, 0];
    for (const v of alone) {
      if (left && left + vs.width[v] > room) [left, top, tall] = [0, top + tall + GAP_X, 0];
      x[v] = low + start + left + vs.width[v] / 2;
      y[v] = top + vs.height[v] / 2;
      left += vs.width[v] + GAP_X;
      tall = Math.max(tall, vs.height[v]);
      width = Math.max(width, start + left - GAP_X);
    }
    return [width, Math.max(height, top + tall)];
  }

  return { arrange, maxOf };
})();
