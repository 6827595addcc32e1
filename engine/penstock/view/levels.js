// What is seen of a picture when some scopes are open: `levels.py` once more, for readers who open
// scopes in a browser.
//
// Enters: a picture (see `page.js: pictureOf`) and the set of open scopes. Leaves: for each item the
// chain of those around it, the levels with their bundles and ports, all in Python's order.
"use strict";

const penstockLevels = (() => {
  function see(picture, opened) {
    const count = picture.nodes.length;
    const isOpen = (item) => item >= count && opened.has(item - count);
    const chains = picture.nodes.map((_, i) => chainOf(picture, i, count, opened));
    const newLevel = (number) => ({ number, items: [], bundles: [], upper: [], lower: [] });
    const levels = new Map([[0, newLevel(0)]]);
    const seen = new Set();
    for (const chain of chains) {
      let level = 0;
      for (const item of chain) {
        if (!seen.has(item)) {
          seen.add(item);
          levels.get(level).items.push(item);
          if (isOpen(item)) levels.set(item - count, newLevel(item - count));
        }
        level = item - count;
      }
    }
    const view = { picture, count, isOpen, chains, levels, ports: new Map(), known: new Map() };
    collectBundles(view);
    return view;
  }

  function chainOf(picture, node, count, opened) {
    if (picture.within[node] >= 0) node = picture.within[node];
    const scopes = [];
    for (let s = picture.home[node]; s > 0; s = picture.scopes[s].parent) scopes.push(s);
    const chain = [];
    for (const scope of scopes.reverse()) {
      chain.push(count + scope);
      if (!opened.has(scope)) return chain;
    }
    return [...chain, node];
  }

  const newBundle = (level, source, target) => ({
    level, source, target, flipped: false, isTransfer: false, tensors: new Map(), edges: [],
  });

  function collectBundles(view) {
    const { picture, chains, levels } = view;
    const links = new Map();
    picture.reads.forEach((reads, node) => {
      for (const [source, output] of reads) {
        const ends = [chains[source].at(-1), chains[node].at(-1)];
        if (ends[0] === ends[1]) continue;
        const key = ends.join();
        if (!links.has(key)) links.set(key, newBundle(0, ...ends));
        const link = links.get(key);
        link.edges.push([source, node]);
        if (output >= 0) link.tensors.set(`${source}:${output}`, [source, output]);
      }
    });
    const crossing = [...links.values()].map((link) => [join(view, link), link]);
    for (const level of levels.values()) {
      const order = orderWithoutCycles(level.items, level.bundles);
      for (const b of level.bundles) b.flipped = order.get(b.source) > order.get(b.target);
    }
    for (const [bundle, link] of crossing) {
      descend(view, bundle, link, chains[link.edges[0][0]], true);
      descend(view, bundle, link, chains[link.edges[0][1]], false);
    }
  }

  function bundleFor(view, level, source, target, link) {
    const key = [level, source, target].join();
    if (!view.known.has(key)) {
      view.known.set(key, newBundle(level, source, target));
      view.levels.get(level).bundles.push(view.known.get(key));
    }
    const bundle = view.known.get(key);
    for (const [name, tensor] of link.tensors) bundle.tensors.set(name, tensor);
    for (const edge of link.edges) bundle.edges.push(edge);
    return bundle;
  }

  function join(view, link) {
    const [source, target] = link.edges[0].map((end) => view.chains[end]);
    let [depth, level] = [0, 0];
    while (source[depth] === target[depth]) level = source[depth++] - view.count;
    return bundleFor(view, level, source[depth], target[depth], link);
  }

  function descend(view, bundle, link, chain, outwards) {
    let item = outwards ? bundle.source : bundle.target;
    for (const inner of chain.slice(chain.indexOf(item) + 1)) {
      const level = item - view.count;
      const key = [bundle.level, bundle.source, bundle.target, level].join();
      if (!view.ports.has(key)) {
        view.ports.set(key, -1 - view.ports.size);
        const upper = outwards ? bundle.flipped : !bundle.flipped;
        view.levels.get(level)[upper ? "upper" : "lower"].push(view.ports.get(key));
      }
      const port = view.ports.get(key);
      const { flipped } = bundle;
      bundle = bundleFor(view, level, ...(outwards ? [inner, port] : [port, inner]), link);
      bundle.flipped = flipped;
      item = inner;
    }
  }

  function orderWithoutCycles(items, bundles) {
    const targets = new Map(items.map((item) => [item, []]));
    const waits = new Map(items.map((item) => [item, 0]));
    for (const { source, target } of bundles) {
      targets.get(source).push(target);
      waits.set(target, waits.get(target) + 1);
    }
    const left = new Set(items);
    const order = new Map();
    let ready = items.filter((item) => !waits.get(item));
    while (left.size) {
      if (!ready.length) ready = [leastBound([...left], left, waits, targets)];
      for (const item of ready) left.delete(item);
      const following = [];
      for (const item of ready) {
        order.set(item, order.size);
        for (const target of targets.get(item)) {
          waits.set(target, waits.get(target) - 1);
          if (!waits.get(target) && left.has(target)) following.push(target);
        }
      }
      ready = following;
    }
    return order;
  }

  function leastBound(items, left, waits, targets) {
    const bound = (item) => waits.get(item) - targets.get(item).filter((t) => left.has(t)).length;
    return items.reduce((best, item) => (bound(item) < bound(best) ? item : best));
  }

  return { see, newBundle };
})();
