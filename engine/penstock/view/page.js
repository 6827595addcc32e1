// A picture that answers: opens and closes scopes, pans, zooms, searches, tells about nodes, and
// goes through the stages of a plan.
//
// Enters: the JSON that `page.py` put beside this script, and drawings of `drawing.js` as elements
// of `shapes.js`. Every text from the graph reaches the document as text, never as markup.
"use strict";

(() => {
  const { make, svg, colour, round, nodesOf, pictureOf } = penstockShapes;
  const { nodeShape, scopeShape, wireShape } = penstockShapes;
  const [MARGIN, FOUND_CAP, LIST_CAP, READABLE] = [24, 60, 14, 0.8];
  const MARKS = ["new", "changed", "gone", "done", "running", "ready", "waiting", "failed"];

  class View {
    constructor(root, data) {
      this.root = root;
      this.data = data;
      this.all = nodesOf(data);
      this.pictures = [];
      this.opened = new Map(); // by path and label, so that a stage opens what the last one showed
      this.moved = { x: 0, y: 0, k: 1 };
      this.stage = data.first;
      this.chosen = null;
      root.querySelector(".still").remove();
      root.append(this.toolbar());
      if (data.stages.length > 1 || data.stages[0].about) root.append(this.stageBar());
      this.scene = svg("g");
      this.canvas = svg("svg", { class: "canvas", tabindex: -1 }, this.scene);
      this.tell = make("div", { class: "tell", hidden: "" });
      this.tell.hidden = true;
      this.field = make("div", { class: "stage" }, this.canvas, this.legend(), this.tell);
      root.append(this.field);
      this.listen();
      this.show(this.stage);
      if (root.classList.contains("full")) this.follow(new URLSearchParams(location.hash.slice(1)));
      if (window.ResizeObserver) new ResizeObserver(() => this.touched || this.first()).observe(this.field);
    }

    get picture() {
      const k = this.stage;
      this.pictures[k] ||= pictureOf(this.data.stages[k], this.all, this.data.texts);
      return this.pictures[k];
    }

    // Go where an address like graph.html#stage=prune&node=loss leads.
    follow(wishes) {
      const stage = this.data.stages.findIndex((s) => this.data.texts[s.title] === wishes.get("stage"));
      if (stage >= 0) this.show(stage);
      if (wishes.has("theme")) this.root.dataset.theme = wishes.get("theme");
      if (wishes.has("node")) this.go(wishes.get("node"));
    }

    key(scope) {
      return `${scope.path}\n${scope.label}`;
    }

    toolbar() {
      const button = (text, title, act) => make("button", { type: "button", title, onclick: act }, text);
      this.input = make("input", { type: "search", placeholder: "find a node or op  ( / )", "aria-label": "find" });
      this.found = make("ul", { class: "found" });
      this.found.hidden = true;
      return make("div", { class: "bar" },
        make("span", { class: "what" }, this.data.title), make("span", { class: "space" }),
        make("div", { class: "search" }, this.input, this.found),
        button("open all", "open every scope", () => this.openAll()),
        button("close all", "close every scope", () => this.closeAll()),
        button("fit", "show the whole picture (f)", () => this.whole()),
        button("◐", "light or dark", () => this.switchTheme()));
    }

    stageBar() {
      const bar = make("div", { class: "stages" });
      const { stages } = this.data;
      this.stageButtons = (stages.length > 1 ? stages : []).map((stage, k) => {
        if (k) bar.append(make("span", { class: "next" }, "›"));
        const count = make("small", {}, String(stage.count));
        const button = make("button", { type: "button", onclick: () => this.show(k) }, this.data.texts[stage.title], count);
        bar.append(button);
        return button;
      });
      this.about = make("div", { class: "about" });
      bar.append(this.about);
      return bar;
    }

    legend() {
      const entries = this.data.devices.map((name, k) =>
        make("span", {}, make("i", { style: colour(k) }), name));
      entries.push(make("span", {}, make("i", { class: "line" }), "tensors"));
      entries.push(make("span", {}, make("i", { class: "line control" }), "order only"));
      if (this.data.stages.some((s) => s.transfers.length)) {
        entries.push(make("span", {}, make("i", { class: "line transfer" }), "transfer"));
      }
      return make("div", { class: "key" }, entries);
    }

    show(k) {
      this.stage = k;
      this.hover(null);
      const { picture } = this;
      picture.scopes.forEach((scope, s) => {
        const key = this.key(scope);
        if (!this.opened.has(key)) this.opened.set(key, picture.first.includes(s));
      });
      if (this.about) this.tellStage(picture);
      this.redraw();
      if (!this.touched) this.first();
      if (this.chosen && picture.place.has(this.chosen)) this.describe(this.chosen);
      else this.close();
    }

    tellStage(picture) {
      this.stageButtons.forEach((b, k) => b.setAttribute("aria-current", String(k === this.stage)));
      this.about.replaceChildren(this.data.texts[picture.about]);
      for (const mark of MARKS) {
        const count = picture.marks.filter((m) => m === mark).length;
        if (count) this.about.append("  ", make("b", { class: mark }, `${count} ${mark}`));
      }
    }

    openScopes() {
      const opened = new Set([0]);
      this.picture.scopes.forEach((scope, s) => { if (this.opened.get(this.key(scope))) opened.add(s); });
      return opened;
    }

    redraw() {
      const { picture } = this;
      this.drawing = penstockDrawing.draw(picture, this.openScopes());
      const wires = [...this.drawing.wires, ...this.drawing.arcs];
      this.shapes = new Map();
      const shape = (box) => {
        const g = box.item < picture.nodes.length ? nodeShape(picture, box) : scopeShape(picture, box);
        this.shapes.set(box.item, g);
        g.penstock = box;
        return g;
      };
      this.wires = wires.map((wire) => [wire, wireShape(picture, wire)]);
      for (const [wire, g] of this.wires) g.penstockWire = wire;
      const open = this.drawing.boxes.filter((b) => b.isOpen).map(shape);
      const rest = this.drawing.boxes.filter((b) => !b.isOpen).map(shape);
      const arcs = this.drawing.wires.length;
      this.scene.replaceChildren(...open, ...this.wires.slice(0, arcs).map((w) => w[1]), ...rest,
        ...this.wires.slice(arcs).map((w) => w[1]));
      this.mark();
    }

    // Open or close a scope; what was clicked stays under the pointer.
    toggle(item) {
      const scope = this.picture.scopes[item - this.picture.nodes.length];
      const before = this.drawing.boxes.find((b) => b.item === item);
      this.opened.set(this.key(scope), !this.opened.get(this.key(scope)));
      this.touched = true;
      this.redraw();
      const after = this.drawing.boxes.find((b) => b.item === item);
      const middle = (b) => b.x + b.width / 2;
      this.moved.x += (middle(before) - middle(after)) * this.moved.k;
      this.moved.y += (before.y - after.y) * this.moved.k;
      this.move();
      this.shapes.get(item).focus({ preventScroll: true });
    }

    openAll() {
      this.touched = true;
      for (const scope of this.picture.scopes) this.opened.set(this.key(scope), true);
      this.redraw();
      this.fit();
    }

    closeAll() {
      this.touched = true;
      for (const scope of this.picture.scopes) this.opened.set(this.key(scope), scope.isLane);
      this.redraw();
      this.fit();
    }

    switchTheme() {
      const now = getComputedStyle(this.root).getPropertyValue("--paper").trim();
      this.root.dataset.theme = now === this.data.dark ? "light" : "dark";
    }

    // ---- moving about

    move() {
      const { x, y, k } = this.moved;
      this.scene.setAttribute("transform", `translate(${round(x)} ${round(y)}) scale(${k.toFixed(4)})`);
      this.canvas.classList.toggle("far", k < 0.35);
    }

    // At first a picture is readable, if need be without its lower end.
    first() {
      this.fit();
      const { width } = this.field.getBoundingClientRect();
      if (!width || this.moved.k >= READABLE) return;
      const k = Math.min(READABLE, Math.max(this.moved.k, (width - 2 * MARGIN) / this.drawing.width));
      this.moved = { k, x: (width - this.drawing.width * k) / 2, y: MARGIN };
      this.move();
    }

    fit() {
      const { width, height } = this.field.getBoundingClientRect();
      if (!width) return;
      const { drawing } = this;
      const whole = Math.min((width - 2 * MARGIN) / drawing.width, (height - 2 * MARGIN) / drawing.height);
      const k = Math.max(0.02, Math.min(1.15, whole));
      this.moved = { k, x: (width - drawing.width * k) / 2, y: Math.max(MARGIN, (height - drawing.height * k) / 2) };
      this.move();
    }

    whole() {
      this.touched = true;
      this.fit();
    }

    zoom(factor, x, y) {
      const k = Math.max(0.02, Math.min(4, this.moved.k * factor));
      const real = k / this.moved.k;
      this.moved = { k, x: x - (x - this.moved.x) * real, y: y - (y - this.moved.y) * real };
      this.touched = true;
      this.move();
    }

    listen() {
      const { canvas } = this;
      const full = this.root.classList.contains("full");
      canvas.addEventListener("wheel", (event) => {
        if (!full && !event.ctrlKey && !event.metaKey) return; // a notebook keeps its own scrolling
        event.preventDefault();
        const { left, top } = canvas.getBoundingClientRect();
        this.zoom(Math.exp(-event.deltaY * 0.0016), event.clientX - left, event.clientY - top);
      }, { passive: false });
      let grip = null;
      canvas.addEventListener("pointerdown", (event) => {
        grip = { x: event.clientX, y: event.clientY, from: { ...this.moved }, far: false };
      });
      window.addEventListener("pointermove", (event) => {
        if (!grip) return;
        const [dx, dy] = [event.clientX - grip.x, event.clientY - grip.y];
        grip.far ||= Math.abs(dx) + Math.abs(dy) > 4;
        if (!grip.far) return;
        this.moved = { ...grip.from, x: grip.from.x + dx, y: grip.from.y + dy };
        this.touched = true;
        this.move();
      });
      window.addEventListener("pointerup", (event) => {
        const click = grip && !grip.far && canvas.contains(event.target);
        grip = null;
        if (click) this.click(event.target);
      });
      canvas.addEventListener("pointerover", (event) => { if (!grip) this.hover(event.target); });
      canvas.addEventListener("pointerleave", () => this.hover(null));
      (full ? document : this.root).addEventListener("keydown", (event) => this.press(event));
      this.input.addEventListener("input", () => this.search(this.input.value));
      this.root.addEventListener("focusout", (event) => {
        if (!this.input.parentNode.contains(event.relatedTarget)) this.found.hidden = true;
      });
    }

    click(target) {
      const box = target.closest?.(".box")?.penstock;
      if (!box) return this.close();
      if (box.item < this.picture.nodes.length) return this.choose(this.picture.nodes[box.item].name);
      if (!box.isOpen || target.classList.contains("head")) return this.toggle(box.item);
      return this.close();
    }

    press(event) {
      if (event.target === this.input) return this.pressInSearch(event);
      const box = document.activeElement?.penstock;
      if ((event.key === "Enter" || event.key === " ") && box) {
        event.preventDefault();
        if (box.item >= this.picture.nodes.length) this.toggle(box.item);
        else this.choose(this.picture.nodes[box.item].name);
      } else if (event.key === "/") {
        event.preventDefault();
        this.input.focus();
      } else if (event.key === "f") this.whole();
      else if (event.key === "Escape") this.close();
      return undefined;
    }

    // ---- finding

    search(text) {
      const wanted = text.trim().toLowerCase();
      this.found.hidden = !wanted;
      if (!wanted) return;
      const hits = this.picture.nodes.filter((n) => `${n.name} ${n.op}`.toLowerCase().includes(wanted));
      const items = hits.slice(0, FOUND_CAP).map((node) =>
        make("li", { onpointerdown: (e) => { e.preventDefault(); this.found.hidden = true; this.go(node.name); } },
          node.name, make("small", {}, node.op)));
      const more = hits.length - items.length;
      if (more > 0) items.push(make("li", { class: "none" }, `and ${more} more`));
      if (!hits.length) items.push(make("li", { class: "none" }, "nothing of that name"));
      this.hits = hits.slice(0, FOUND_CAP);
      this.at = -1;
      this.found.replaceChildren(...items);
    }

    pressInSearch(event) {
      const count = this.hits?.length || 0;
      if (event.key === "Escape") {
        this.found.hidden = true;
        this.input.blur();
      } else if (count && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        event.preventDefault();
        this.at = (this.at + (event.key === "ArrowDown" ? 1 : -1) + count) % count;
        [...this.found.children].forEach((li, k) => li.classList.toggle("at", k === this.at));
        this.found.children[this.at].scrollIntoView({ block: "nearest" });
      } else if (count && event.key === "Enter") {
        this.found.hidden = true;
        this.go(this.hits[Math.max(0, this.at)].name);
      }
    }

    // Open what hides a node, bring it to the middle and tell about it.
    go(name) {
      const { picture } = this;
      const node = picture.place.get(name);
      if (node === undefined) return;
      let s = picture.home[node];
      for (; s > 0; s = picture.scopes[s].parent) this.opened.set(this.key(picture.scopes[s]), true);
      this.redraw();
      const shown = picture.within[node] >= 0 ? picture.within[node] : node;
      const box = this.drawing.boxes.find((b) => b.item === shown);
      const { width, height } = this.field.getBoundingClientRect();
      const k = Math.max(0.8, Math.min(1.2, this.moved.k));
      this.moved = { k, x: width * 0.42 - (box.x + box.width / 2) * k, y: height / 2 - (box.y + box.height / 2) * k };
      this.touched = true;
      this.move();
      this.choose(name);
    }

    // ---- telling

    hover(target) {
      const box = target?.closest?.(".box")?.penstock;
      const wire = target?.closest?.(".wire")?.penstockWire;
      const quiet = !wire && (!box || box.isOpen);
      this.hot = quiet ? null : wire ? new Set(wire.bundle.edges.map(String)) : box.item;
      if (wire) this.fill(this.wireFacts(wire), false);
      else if (box && !quiet) this.fill(this.boxFacts(box.item), false);
      else if (this.chosen) this.describe(this.chosen);
      else this.tell.hidden = true;
      this.mark();
    }

    choose(name) {
      this.chosen = name;
      this.describe(name);
      this.mark();
    }

    close() {
      this.chosen = null;
      this.tell.hidden = true;
      this.mark();
    }

    describe(name) {
      if (this.picture.place.has(name)) this.fill(this.nodeFacts(this.picture.place.get(name)), true);
    }

    // Paint what belongs to the box or wire under the pointer, or to the chosen node.
    mark() {
      const { picture } = this;
      if (!this.shapes) return;
      const chosen = picture.place.get(this.chosen);
      for (const [item, g] of this.shapes) g.classList.toggle("chosen", item === chosen);
      const item = this.hot ?? (chosen === undefined ? null : chosen);
      this.canvas.classList.toggle("busy", item !== null);
      const members = typeof item !== "number" ? null
        : new Set(item < picture.nodes.length ? [item] : picture.inside[item - picture.nodes.length]);
      picture.within.forEach((reader, i) => { if (members?.has(reader)) members.add(i); });
      for (const [wire, g] of this.wires) {
        const of = members ? (e) => members.has(e[0]) || members.has(e[1]) : (e) => item?.has(String(e));
        g.classList.toggle("hot", item !== null && wire.bundle.edges.some(of));
      }
    }

    fill(facts, pinned) {
      const x = make("button", { type: "button", class: "close", title: "close", onclick: () => this.close() }, "×");
      this.tell.replaceChildren(...facts, ...(pinned ? [x] : []));
      this.tell.hidden = false;
    }

    list(pairs) {
      return make("dl", {}, pairs.flatMap(([name, ...value]) => [make("dt", {}, name), make("dd", {}, ...value)]));
    }

    link(name, suffix = "") {
      return make("a", { onclick: () => this.go(name) }, name + suffix);
    }

    boxFacts(item) {
      const { nodes } = this.picture;
      return item < nodes.length ? this.nodeFacts(item) : this.scopeFacts(item - nodes.length);
    }

    nodeFacts(i) {
      const { picture, data } = this;
      const node = picture.nodes[i];
      const pairs = [];
      if (node.device >= 0) pairs.push(["device", data.devices[node.device]]);
      for (const [k, [name, out]] of node.reads.entries()) {
        const from = picture.nodes[picture.place.get(name)];
        const text = from?.outputs[out];
        const value = from?.row?.includes(" = ") ? from.row.slice(from.row.indexOf(" = ")) : text ? `  ${text}` : "";
        pairs.push([`input ${k}`, this.link(name, out ? `:${out}` : ""), value]);
      }
      for (const name of node.controls.slice(0, LIST_CAP)) pairs.push(["after", this.link(name)]);
      node.outputs.forEach((text, k) => pairs.push([node.outputs.length > 1 ? `output ${k}` : "output", text]));
      const readers = picture.reads.flatMap((reads, r) => (reads.some(([s]) => s === i) ? [r] : []));
      for (const r of readers.slice(0, LIST_CAP)) pairs.push(["read by", this.link(picture.nodes[r].name)]);
      if (readers.length > LIST_CAP) pairs.push(["", `and ${readers.length - LIST_CAP} more`]);
      for (let k = 0; k < node.attrs.length; k += 2) pairs.push([node.attrs[k], make("code", {}, node.attrs[k + 1])]);
      if (node.source) pairs.push(["built at", make("code", {}, node.source)]);
      const facts = [make("h4", {}, node.op), make("div", { class: "path" }, node.name)];
      const [mark, remark] = [picture.marks[i], picture.remarks.get(node.name)];
      if (mark || remark) facts.push(make("div", { class: `mark ${mark}` }, remark ? `${mark || "note"}: ${remark}` : mark));
      return [...facts, this.list(pairs)];
    }

    scopeFacts(s) {
      const { picture } = this;
      const counts = new Map();
      for (const i of picture.inside[s]) {
        const { op } = picture.nodes[i];
        counts.set(op, (counts.get(op) || 0) + 1);
      }
      const ops = [...counts].sort((a, b) => b[1] - a[1]).slice(0, LIST_CAP);
      const title = make("h4", {}, picture.scopes[s].label, make("small", {}, `  ${picture.inside[s].length} nodes`));
      return [title, make("div", { class: "path" }, picture.scopes[s].path), this.list(ops.map(([op, n]) => [String(n), op]))];
    }

    wireFacts({ bundle }) {
      const { nodes } = this.picture;
      const tensors = [...bundle.tensors.values()];
      const kind = bundle.isTransfer ? "transfer" : tensors.length ? "tensors" : "order only";
      const pairs = tensors.slice(0, LIST_CAP).map(([i, k]) => [nodes[i].outputs[k] || "", nodes[i].name + (k ? `:${k}` : "")]);
      if (!tensors.length) for (const [a, b] of bundle.edges.slice(0, LIST_CAP)) pairs.push([nodes[b].name, `after ${nodes[a].name}`]);
      const more = (tensors.length || bundle.edges.length) - LIST_CAP;
      if (more > 0) pairs.push(["", `and ${more} more`]);
      return [make("h4", {}, kind, make("small", {}, `  ${tensors.length || bundle.edges.length}`)), this.list(pairs)];
    }
  }

  for (const root of document.querySelectorAll(".penstock-view:not([data-alive])")) {
    root.dataset.alive = "1";
    new View(root, JSON.parse(root.querySelector('script[type="application/json"]').textContent));
  }
})();
