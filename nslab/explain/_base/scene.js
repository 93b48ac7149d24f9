// The browser's half of an explainer: draws a stage from a few numbers a frame, and lets a hand move it.
// A classic script: pages load it as it is, from a folder too; anywidget gets it with a line `export default nslabScene`.
const nslabScene = (() => {
  const NARROW = 640; // pixels: panels stand below each other in less
  const KEPT_FRAMES = 3000; // of about 1 kB
  const BATCH = 16; // frames asked for at once, ahead
  const BATCHES = 2; // under way together: one travels while the kernel computes the next
  const REACH_MS = 40; // a hand that only passes over a slider fetches nothing
  const REST_MS = 100; // a slider that stands still so long is told to the kernel even if the frame is here already
  const SLOW_MS = 500; // an answer that takes longer is waited for visibly
  const PLAY_MS = 6000; // from end to end, at pace 1
  const PACES = [1, 2, 0.5];
  const CALM_STOPS = 8; // that ▶ makes where motion is to be reduced
  const SLACK_PX = 4; // a click may tremble so far
  const REACH_PX = 14; // how far from a point a finger may be
  const LEAST_PX = 4; // the side of a point, however small its size
  const TICK_PX = 6.3; // a letter of an axis
  const LIFT_PX = 12; // a point held by the keyboard, at each press
  const TINY_PX = 7; // a picture so small shows its color alone
  const DROPPED = 13; // bits of a number that a table leaves out, as in page.py
  const PLANES = 3; // bytes of each change in a table, as in page.py
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  // --- elements

  function make(tag, properties = {}, ...children) {
    const { aria = {}, ...rest } = properties;
    const element = Object.assign(document.createElement(tag), rest);
    for (const [name, value] of Object.entries(aria)) element.setAttribute(name === "role" ? name : `aria-${name}`, value);
    element.append(...children);
    return element;
  }

  function draw(parent, tag, attributes = {}) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) set(element, name, value);
    parent.append(element);
    return element;
  }

  // Attributes cost more than numbers: one that has its value already is left alone.
  function set(element, name, value) {
    const known = (element.known ??= {});
    if (known[name] === value) return;
    known[name] = value;
    element.setAttribute(name, value);
  }

  const px = (value) => Math.round(value * 10) / 10;

  // --- frames

  // Headers and numbers as `packed` of frames.py makes them: a negative size repeats the row of the frame before.
  function unpacked(headers, numbers) {
    let rows = [];
    let start = 0;
    return headers.map(({ sizes, ...header }) => {
      rows = sizes.map((size, i) => (size < 0 ? rows[i] : numbers.subarray(start, (start += size))));
      return { ...header, rows };
    });
  }

  // The numbers that `changes` of page.py left in planes of bytes, all lowest bytes first: each adds to the one before it in its
  // row (`along`), or to the one in its place in the row before.
  function restored(along, headers, planes) {
    const count = planes.length / PLANES;
    const bits = new Uint32Array(count);
    const before = [];
    let start = 0;
    for (const { sizes } of headers) {
      sizes.forEach((size, channel) => {
        if (size < 0) return;
        const row = bits.subarray(start, start + size);
        const last = before[channel]?.length === size ? before[channel] : [];
        for (let i = 0; i < size; i++) {
          const at = start + i;
          const moved = planes[at] | (planes[count + at] << 8) | (planes[2 * count + at] << 16);
          row[i] = ((along ? row[i - 1] : last[i]) ?? 0) + (((moved >>> 1) ^ -(moved & 1)) << DROPPED);
        }
        before[channel] = row;
        start += size;
      });
    }
    return new Float32Array(bits.buffer);
  }

  function bytes(base64) {
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  }

  // --- panels

  function scale({ low, high, log }, from, to) {
    const on = log ? Math.log : (value) => value;
    const ratio = (to - from) / (on(high) - on(low));
    const place = (value) => from + (on(value) - on(low)) * ratio;
    place.value = (pixel) => (log ? Math.exp : Number)(on(low) + (pixel - from) / ratio);
    return place;
  }

  // How wide the longest text of an axis is, in pixels, and how near two of its places come.
  const longest = (ticks) => TICK_PX * Math.max(0, ...ticks.map(([, text]) => text.length));
  const nearestTwo = (ticks, place) => Math.min(...ticks.slice(1).map(([at], i) => Math.abs(place(at) - place(ticks[i][0]))));

  class Panel {
    constructor(spec) {
      Object.assign(this, { spec });
      this.root = make("div", { className: "nslab-panel" });
      this.root.append(make("div", { className: "nslab-caption", textContent: spec.title }));
      this.box = make("div", { className: "nslab-box" });
      this.root.append(this.box);
      this.svg = draw(this.box, "svg", { role: "group", "aria-label": spec.title });
      this.axes = draw(this.svg, "g", { class: "axes" });
      this.marks = draw(this.svg, "g");
    }

    lay(width, tall) {
      const { x, y, square } = this.spec;
      const left = y.ticks.length ? Math.max(58, 28 + longest(y.ticks)) : 16;
      const inner = square ? Math.min(width - left - 18, 380) : width - left - 18;
      this.x = scale(x, left, left + inner);
      this.tilt = x.ticks.length > 1 && longest(x.ticks) + 6 > nearestTwo(x.ticks, this.x) ? longest(x.ticks) * Math.SQRT1_2 : 0;
      const bottom = x.ticks.length ? 44 + this.tilt : 16;
      const height = square ? inner : tall;
      Object.assign(this, { width, inner, height, left, top: 10, total: height + 10 + bottom });
      this.y = scale(y, 10 + height, 10);
      this.short = Math.min(inner, height);
      set(this.svg, "width", width);
      set(this.svg, "height", this.total);
      this.drawAxes();
    }

    drawAxes() {
      const { x, y } = this.spec;
      const { left, top, inner, height, axes } = this;
      axes.replaceChildren();
      const floor = top + height;
      if (x.ticks.length) draw(axes, "path", { d: `M${left} ${floor}h${inner}` });
      if (y.ticks.length) draw(axes, "path", { d: `M${left} ${top}v${height}` });
      for (const [at, text] of x.ticks) {
        draw(axes, "path", { d: `M${px(this.x(at))} ${floor}v4` });
        const place = `translate(${px(this.x(at))} ${floor + 17})`;
        const turned = this.tilt ? { transform: `${place}rotate(-45)`, "text-anchor": "end" } : { transform: place, "text-anchor": "middle" };
        draw(axes, "text", turned).textContent = text;
      }
      for (const [at, text] of y.ticks) {
        draw(axes, "path", { d: `M${left} ${px(this.y(at))}h-4` });
        draw(axes, "text", { x: left - 7, y: px(this.y(at) + 4), "text-anchor": "end" }).textContent = text;
      }
      draw(axes, "text", { x: left + inner / 2, y: floor + 36 + this.tilt, "text-anchor": "middle" }).textContent = x.label;
      const middle = `translate(13 ${top + height / 2})rotate(-90)`;
      draw(axes, "text", { transform: middle, "text-anchor": "middle" }).textContent = y.label;
    }
  }

  // --- marks: each is given its group, its look and the stage, and gives back how it is drawn from its channels

  const shortest = (v) => Math.min(...Object.values(v).map((row) => row.length));

  function curve({ x, y }, panel, steps = false) {
    let d = "";
    let pen = false;
    for (let i = 0; i < Math.min(x.length, y.length); i++) {
      const there = Number.isFinite(x[i] + y[i]);
      if (there && pen && steps) d += `H${px(panel.x(x[i]))}V${px(panel.y(y[i]))}`;
      else if (there) d += `${pen ? "L" : "M"}${px(panel.x(x[i]))} ${px(panel.y(y[i]))}`;
      pen = there;
    }
    return d;
  }

  // The area between two curves, there and back.
  function area({ x, low, high }, panel) {
    const there = Array.from(x, (at, i) => `${px(panel.x(at))} ${px(panel.y(high[i]))}`);
    const back = Array.from(x, (at, i) => `${px(panel.x(at))} ${px(panel.y(low[i]))}`).reverse();
    return `M${[...there, ...back].join("L")}Z`;
  }

  // One path a role: shapes of one look cost one attribute.
  function byRole(group, look, stage, shape) {
    const paths = new Map();
    return (v, panel) => {
      const parts = new Map();
      for (let i = 0; i < shortest(v); i++) {
        const role = v.role ? stage.spec.roles[v.role[i]] : look.role;
        const part = shape(v, i, panel);
        if (part.includes("NaN")) continue;
        parts.set(role, (parts.get(role) ?? "") + part);
      }
      for (const role of parts.keys()) {
        if (!paths.has(role)) paths.set(role, draw(group, "path", { class: `solid ${role}` }));
      }
      for (const [role, path] of paths) set(path, "d", parts.get(role) ?? "");
    };
  }

  // The side of a point in pixels: its area shows its size, and none that has a place vanishes.
  function side(v, i, look, panel) {
    const whole = look.shape ? 1 / Math.max(...look.shape) : look.scale;
    return Math.max(whole * panel.short * Math.sqrt(v.size ? v.size[i] : 1), LEAST_PX);
  }

  // The middle of each cell of a matrix that fills its panel.
  function middles([rows, columns], { x, y }) {
    const along = (axis, part) => scale(axis, 0, 1).value(part);
    const all = [...Array(rows * columns).keys()];
    return {
      x: all.map((i) => along(x, ((i % columns) + 0.5) / columns)),
      y: all.map((i) => along(y, 1 - (Math.floor(i / columns) + 0.5) / rows)),
    };
  }

  const drawn = (v, i) => Number.isFinite(v.x[i] + v.y[i] + (v.size ? v.size[i] : 0));

  // The number of its picture, word and tip.
  const which = (v, i) => (v.which ? v.which[i] : i);

  function disc(x, y, r) {
    const d = px(2 * r);
    return `M${px(x - d / 2)} ${px(y)}a${d / 2} ${d / 2} 0 1 0 ${d} 0a${d / 2} ${d / 2} 0 1 0 ${-d} 0`;
  }

  // A straight band `width` wide, which ends in a head of that many pixels.
  function shaft(x, y, x2, y2, width, head) {
    const length = Math.hypot(x2 - x, y2 - y);
    if (length < 0.5) return "";
    const [ux, uy] = [(x2 - x) / length, (y2 - y) / length];
    const neck = Math.max(0, length - head);
    const at = (along, across) => `${px(x + along * ux - across * uy)} ${px(y + along * uy + across * ux)}`;
    const [half, wing] = [width / 2, width / 2 + head / 2];
    const tip = head ? [at(neck, wing), at(length, 0), at(neck, -wing)] : [];
    return `M${[at(0, half), at(neck, half), ...tip, at(neck, -half), at(0, -half)].join("L")}Z`;
  }

  function ends(v, i, panel) {
    return [panel.x(v.x[i]), panel.y(v.y[i]), panel.x(v.x2[i]), panel.y(v.y2[i]), v.width ? v.width[i] : 1.5];
  }

  // One element a point, moved by its transform.
  function elements(group, look, stage, grow, place) {
    const nodes = [];
    return (v, panel) => {
      const count = shortest(v);
      while (nodes.length < count) nodes.push(grow(group, nodes.length));
      nodes.forEach((node, i) => {
        const visible = i < count && drawn(v, i);
        set(node, "visibility", visible ? "visible" : "hidden");
        if (!visible) return;
        const length = side(v, i, look, panel);
        const role = v.role ? stage.spec.roles[v.role[i]] : look.role;
        set(node, "class", length < TINY_PX ? `${role} tiny` : role);
        place(node, panel.x(v.x[i]), panel.y(v.y[i]), length, which(v, i));
      });
    };
  }

  // Each picture drawn in one ink, as an address.
  function inked({ width, height, data }, ink) {
    const all = bytes(data);
    const canvas = make("canvas", { width, height });
    const context = canvas.getContext("2d");
    const [r, g, b] = ink;
    return Array.from({ length: all.length / (width * height) }, (_, n) => {
      const image = context.createImageData(width, height);
      for (let i = 0; i < width * height; i++) image.data.set([r, g, b, all[n * width * height + i]], 4 * i);
      context.putImageData(image, 0, 0);
      return canvas.toDataURL();
    });
  }

  const marks = {
    Line(group, look) {
      const path = draw(group, "path", { class: `line ${look.role}${look.dashed ? " dashed" : ""}` });
      return (v, panel) => set(path, "d", curve(v, panel));
    },

    Steps(group, look) {
      const path = draw(group, "path", { class: `line ${look.role}${look.dashed ? " dashed" : ""}` });
      return (v, panel) => set(path, "d", curve(v, panel, true));
    },

    Band(group, look) {
      const path = draw(group, "path", { class: `band ${look.role}` });
      return (v, panel) => set(path, "d", area(v, panel));
    },

    Rule(group, look) {
      const path = draw(group, "path", { class: `rule ${look.role}${look.dashed ? " dashed" : ""}` });
      return (v, panel) => {
        const { left, top, inner, height } = panel;
        const across = (at) => (look.axis === "y" ? `M${left} ${px(panel.y(at))}h${inner}` : `M${px(panel.x(at))} ${top}v${height}`);
        set(path, "d", Array.from(v.at).filter(Number.isFinite).map(across).join(""));
      };
    },

    Dots(group, look, stage) {
      return byRole(group, look, stage, (v, i, panel) => {
        return disc(panel.x(v.x[i]), panel.y(v.y[i]), side(v, i, look, panel) / 2);
      });
    },

    Pictures(group, look, stage) {
      const grow = (parent) => {
        const tile = draw(parent, "g");
        draw(tile, "rect", { class: "tile", x: -0.5, y: -0.5, width: 1, height: 1 });
        draw(tile, "image", { x: -0.5, y: -0.5, width: 1, height: 1 });
        return tile;
      };
      const place = (tile, x, y, length, n) => {
        set(tile, "transform", `translate(${px(x)} ${px(y)})scale(${px(length)})`);
        set(tile.lastChild, "href", stage.images(look.images)[n]);
      };
      return elements(group, look, stage, grow, place);
    },

    Words(group, look, stage) {
      const grow = (parent) => draw(parent, "text", { "text-anchor": "middle", dy: "0.35em" });
      const place = (word, x, y, length, n) => {
        set(word, "transform", `translate(${px(x)} ${px(y)})`);
        set(word, "font-size", px(Math.max(length, 11)));
        if (word.textContent !== look.words[n]) word.textContent = look.words[n];
      };
      return elements(group, look, stage, grow, place);
    },

    Stems(group, look, stage) {
      return byRole(group, look, stage, (v, i, panel) => {
        const [x, from, to] = [panel.x(v.x[i]), panel.y(v.base ? v.base[i] : panel.spec.y.low), panel.y(v.y[i])];
        return `M${px(x - 0.75)} ${px(from)}V${px(to)}h1.5V${px(from)}Z`;
      });
    },

    Bars(group, look, stage) {
      return byRole(group, look, stage, (v, i, panel) => {
        const [left, right] = [-0.5, 0.5].map((half) => panel.x(v.x[i] + half * look.width));
        const [from, to] = [panel.y(v.base ? v.base[i] : panel.spec.y.low), panel.y(v.y[i])];
        return `M${px(left)} ${px(from)}V${px(to)}H${px(right)}V${px(from)}Z`;
      });
    },

    Links(group, look, stage) {
      return byRole(group, look, stage, (v, i, panel) => shaft(...ends(v, i, panel), 0));
    },

    Arrows(group, look, stage) {
      return byRole(group, look, stage, (v, i, panel) => {
        const end = ends(v, i, panel);
        return shaft(...end, 5 + 1.5 * end[4]);
      });
    },

    // One pixel a cell, on a canvas below the panel's other marks.
    Cells(group, look, stage) {
      const [height, width] = look.shape;
      const canvas = make("canvas", { width, height, className: "nslab-cells" });
      const context = canvas.getContext("2d");
      const image = context.createImageData(width, height);
      return (v, panel) => {
        if (!canvas.isConnected) panel.box.prepend(canvas);
        const colors = stage.spec.roles.map((role) => stage.color(role));
        const own = stage.spec.roles.indexOf(look.role);
        v.value.forEach((value, i) => {
          image.data.set([...colors[v.role ? v.role[i] : own], 255 * (value || 0)], 4 * i);
        });
        context.putImageData(image, 0, 0);
        const { left, top, inner, height: tall } = panel;
        Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${inner}px`, height: `${tall}px` });
      };
    },

    Note(group, look) {
      const text = draw(group, "text", { class: `nslab-note ${look.role}${look.big ? " big" : ""}`, "text-anchor": look.align });
      return (v, panel, words) => {
        set(text, "x", px(panel.x(v.x[0])));
        set(text, "y", px(panel.y(v.y[0])));
        const said = words ?? look.text;
        if (text.textContent !== said) text.textContent = said;
      };
    },

    Handle(group, look, stage) {
      const knob = draw(group, "g", { class: `handle ${look.role}` });
      draw(knob, "circle", { class: "grip", r: 18 });
      draw(knob, "circle", { class: "knob", r: 8 });
      const place = (v, panel) => {
        Object.assign(place, { v, panel });
        set(knob, "transform", `translate(${px(panel.x(v.x[0]))} ${px(panel.y(v.y[0]))})`);
      };
      grabbable(knob, look.along, place, stage);
      return place;
    },
  };

  // --- the hand on a handle

  // Where a control stands closest to a place on the screen, if what it moves keeps its distance from the control's own value.
  function nearest(numbers, to, wanted) {
    let best = 0;
    numbers.forEach((number, i) => {
      if (Math.abs(to(number) - wanted) < Math.abs(to(numbers[best]) - wanted)) best = i;
    });
    return best;
  }

  function grabbable(knob, along, place, stage) {
    const bound = Object.entries(along).map(([axis, name]) => {
      const index = stage.spec.controls.findIndex((control) => control.name === name);
      return { axis, index, control: stage.spec.controls[index] };
    });
    knob.tabIndex = 0;
    knob.dataset.lmSuppressShortcuts = "true";
    const [first] = bound;
    set(knob, "role", "slider");
    set(knob, "aria-label", `${bound.map(({ control }) => `${control.symbol} ${control.word}`).join(" and ")}: drag, or arrow keys`);
    set(knob, "aria-valuemin", 0);
    set(knob, "aria-valuemax", first.control.texts.length - 1);
    stage.onPlace((at, texts) => {
      set(knob, "aria-valuenow", at[first.index]);
      set(knob, "aria-valuetext", bound.map(({ index }) => texts[index]).join(", "));
    });

    let grabbed = null; // where the pointer and the handle were when it was grabbed
    knob.addEventListener("pointerdown", (event) => {
      knob.setPointerCapture(event.pointerId);
      grabbed = bound.map(({ axis, index, control }) => {
        const to = place.panel[axis];
        const own = to(control.numbers[stage.at[index]]);
        return { to, start: (axis === "x" ? event.clientX : event.clientY) - own };
      });
      knob.focus({ preventScroll: true });
      event.preventDefault();
    });
    knob.addEventListener("pointermove", (event) => {
      if (!grabbed) return;
      bound.forEach(({ axis, index, control }, i) => {
        const { to, start } = grabbed[i];
        stage.move(index, nearest(control.numbers, to, (axis === "x" ? event.clientX : event.clientY) - start));
      });
    });
    for (const end of ["pointerup", "pointercancel"]) knob.addEventListener(end, () => (grabbed = null));
    for (const touch of ["pointerenter", "focus"]) {
      knob.addEventListener(touch, () => bound.forEach(({ index }) => stage.touch(index)));
    }
    knob.addEventListener("keydown", (event) => {
      const keys = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowUp: [bound.length - 1, 1], ArrowDown: [bound.length - 1, -1] };
      const { index, control } = bound[keys[event.key]?.[0] ?? 0];
      const last = control.texts.length - 1;
      const steps = { PageUp: last / 10, PageDown: -last / 10, Home: -last, End: last };
      const step = keys[event.key]?.[1] ?? steps[event.key];
      if (step === undefined) return;
      stage.move(index, Math.min(last, Math.max(0, Math.round(stage.at[index] + step))));
      event.preventDefault();
    });
  }

  // --- the hand on a point: it holds the point elsewhere, and what follows lasts until it lets go

  function pullable(panel, stage) {
    const { svg } = panel;
    let held = null;
    svg.addEventListener("pointerdown", (event) => {
      const [name, i] = event.target.closest(".handle") ? [] : stage.tips.under(panel, event);
      const along = name && stage.pulls(name);
      if (!along) return;
      const { v } = stage.marks[name];
      held = { name, i, along, from: [event.clientX, event.clientY], start: [v.x[i], v.y[i]], moved: false };
    });
    svg.addEventListener("pointermove", (event) => {
      if (!held) return;
      const far = [event.clientX - held.from[0], event.clientY - held.from[1]];
      if (!held.moved && Math.hypot(...far) < SLACK_PX) return;
      if (!held.moved) svg.setPointerCapture(event.pointerId);
      held.moved = panel.pulled = true;
      const to = ["x", "y"].map((axis, n) => {
        const place = panel[axis];
        return held.along.includes(axis) ? place.value(place(held.start[n]) + far[n]) : held.start[n];
      });
      stage.source.pull([held.name, held.i, ...to]);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      svg.addEventListener(end, () => {
        if (held?.moved) stage.source.release();
        held = null;
        setTimeout(() => (panel.pulled = false), 0); // after the click that ends a drag
      });
    }
  }

  // What a point is called; a cell, by its row and its column.
  function named({ tips, names, shape }, n) {
    return names ? `${names[0][Math.floor(n / shape[1])]} – ${names[1][n % shape[1]]}` : tips?.[n];
  }

  // --- tips: what a point is, for a pointer, a finger and the keyboard

  class Tips {
    constructor(stage) {
      Object.assign(this, { stage, shown: null });
      this.root = make("div", { className: "nslab-tip", hidden: true, aria: { role: "status" } });
    }

    // Makes a mark a stop of the Tab key, and its panel listen to the pointer.
    watch(name, { look, group, panel }) {
      group.tabIndex = 0;
      group.dataset.lmSuppressShortcuts = "true";
      set(group, "role", "group");
      const said = this.stage.spec.key.filter(([role]) => [look.role, ...(look.roles ?? [])].includes(role)).map(([, text]) => text);
      set(group, "aria-label", `${said.join(", ") || "points"}: arrow keys go from one to the next`);
      group.addEventListener("focus", () => group.matches(":focus-visible") && this.show(name, this.order(name)[0]));
      group.addEventListener("blur", () => {
        this.drop();
        this.hide();
      });
      group.addEventListener("keydown", (event) => this.key(name, event));
      group.addEventListener("keyup", (event) => event.key === "Shift" && this.drop());
      if (panel.watched) return panel.watched.push(name);
      panel.watched = [name];
      const { svg } = panel;
      pullable(panel, this.stage);
      svg.addEventListener("pointermove", (event) => {
        if (panel.pulled) this.hide(); // it would tell of what lies under the hand, and cover it
        else if (event.pointerType === "mouse") this.show(...this.under(panel, event));
      });
      svg.addEventListener("pointerleave", () => this.hide());
      svg.addEventListener("click", (event) => panel.pulled || this.click(...this.under(panel, event), event.pointerType === "mouse"));
    }

    place(name, i) {
      const { v, panel, look } = this.stage.marks[name];
      return { x: panel.x(v.x[i]), y: panel.y(v.y[i]), side: side(v, i, look, panel) };
    }

    seen(name) {
      const { v } = this.stage.marks[name];
      return [...Array(shortest(v)).keys()].filter((i) => drawn(v, i));
    }

    order(name) {
      const { v } = this.stage.marks[name];
      return this.seen(name).sort((i, j) => v.x[i] - v.x[j] || v.y[i] - v.y[j]);
    }

    // The mark and the point whose middle is nearest, in units of its own size.
    under(panel, event) {
      const box = panel.svg.getBoundingClientRect();
      const [at, down] = [event.clientX - box.left, event.clientY - box.top];
      let [best, least] = [[null, null], 1];
      for (const name of panel.watched) {
        for (const i of this.seen(name)) {
          const { x, y, side: length } = this.place(name, i);
          const far = Math.hypot(x - at, y - down) / Math.max(length / 2, REACH_PX);
          if (far < least) [best, least] = [[name, i], far];
        }
      }
      return best;
    }

    click(name, i, mouse) {
      const again = this.shown?.name === name && this.shown.i === i;
      this.show(name, i);
      if (name && (mouse || again)) this.pick(name, i);
    }

    // The control that a click sets, and where it then stands; none on a page that has no frame for it.
    target(name, i) {
      const { look } = this.stage.marks[name];
      const index = this.stage.spec.controls.findIndex((control) => control.name === look.picks);
      const position = index < 0 ? -1 : this.stage.spec.controls[index].numbers.indexOf(i);
      return position < 0 || position === this.stage.at[index] ? null : { index, position };
    }

    pick(name, i) {
      const target = this.target(name, i);
      if (target) this.stage.move(target.index, target.position);
    }

    key(name, event) {
      const order = this.order(name);
      const here = order.indexOf(this.shown?.i);
      const steps = { ArrowRight: here + 1, ArrowUp: here + 1, ArrowLeft: here - 1, ArrowDown: here - 1, Home: 0, End: order.length - 1 };
      if (event.shiftKey && this.lift(name, order[here], event.key)) event.preventDefault();
      if (event.shiftKey) return;
      if (event.key === "Escape") this.hide();
      else if (event.key === "Enter" && here >= 0) this.pick(name, order[here]);
      else if (event.key in steps) this.show(name, order.at(Math.min(steps[event.key], order.length - 1)));
      else return;
      event.preventDefault();
    }

    // With Shift the arrow keys hold the point elsewhere, until Shift is let go.
    lift(name, i, key) {
      const [axis, step] = { ArrowRight: ["x", 1], ArrowLeft: ["x", -1], ArrowUp: ["y", -1], ArrowDown: ["y", 1] }[key] ?? [];
      if (i === undefined || !axis || !this.stage.pulls(name).includes(axis)) return false;
      const { v, panel } = this.stage.marks[name];
      this.lifted ??= { x: v.x[i], y: v.y[i] };
      const place = panel[axis];
      this.lifted[axis] = place.value(place(this.lifted[axis]) + step * LIFT_PX);
      this.stage.source.pull([name, i, this.lifted.x, this.lifted.y]);
      return true;
    }

    drop() {
      if (this.lifted) this.stage.source.release();
      this.lifted = null;
    }

    show(name, i) {
      if (this.shown) this.stage.marks[this.shown.name].panel.svg.classList.remove("picks", "pulls");
      this.shown = name && i !== undefined ? { name, i } : null;
      if (this.shown && this.target(name, i)) this.stage.marks[name].panel.svg.classList.add("picks");
      else if (this.shown && this.stage.pulls(name)) this.stage.marks[name].panel.svg.classList.add("pulls");
      this.refresh();
    }

    hide() {
      this.show(null);
    }

    // Numbers of a point move with the scene, and so does its tip.
    refresh() {
      if (this.shown && !this.seen(this.shown.name).includes(this.shown.i)) this.shown = null;
      if (this.root.hidden !== !this.shown) this.root.hidden = !this.shown;
      this.stage.ring(this.shown);
      if (!this.shown) return;
      const { name, i } = this.shown;
      const { v, look, panel } = this.stage.marks[name];
      const lines = Object.entries(look.shows ?? {}).map(([word, channel]) => `${word} ${Number(v[channel][i].toPrecision(3))}`);
      const target = this.target(name, i);
      if (target) lines.push(`click: ${this.stage.spec.controls[target.index].word}`);
      if (this.stage.pulls(name)) lines.push("drag, or shift and arrow keys: hold it elsewhere");
      const pictures = look.images ?? look.tip_images;
      const n = which(v, i);
      const text = make("span", { textContent: [named(look, n), ...lines].filter(Boolean).join("\n") });
      const image = pictures === undefined ? [] : [make("img", { src: this.stage.images(pictures)[n], alt: "" })];
      this.root.replaceChildren(...image, text);
      this.root.hidden = !text.textContent && !image.length;
      const { x, y, side: length } = this.place(name, i);
      const box = panel.box.getBoundingClientRect();
      const all = this.stage.root.getBoundingClientRect();
      const left = box.left - all.left + x + length / 2 + 8;
      const top = box.top - all.top + y - 20;
      const room = this.root.getBoundingClientRect();
      const flipped = left + room.width > all.width ? left - room.width - length - 16 : left;
      Object.assign(this.root.style, { left: `${Math.max(0, flipped)}px`, top: `${Math.max(0, top)}px` });
    }
  }

  // --- controls

  class Slider {
    constructor(control, i, stage) {
      Object.assign(this, { control, i, stage });
      const { symbol, word, texts } = control;
      const name = `${symbol} ${word}`.trim();
      this.input = make("input", { type: "range", min: 0, max: texts.length - 1, step: 1, autocomplete: "off", aria: { label: name } });
      this.input.dataset.lmSuppressShortcuts = "true";
      this.output = make("output");
      const words = make("span", { className: "nslab-name" }, make("b", { textContent: symbol }), ` ${word}`);
      const reset = make("button", { type: "button", textContent: "↺", title: `reset ${word}`, aria: { label: `reset ${word} to ${texts[control.start]}` } });
      this.root = make("div", { className: "nslab-control" }, make("label", {}, words, this.input, this.output));
      if (control.play) this.root.append(...new Player(this).buttons);
      this.root.append(reset);
      this.input.addEventListener("input", () => stage.move(i, Number(this.input.value)));
      for (const event of ["pointerenter", "focus"]) this.input.addEventListener(event, () => stage.touch(i));
      reset.addEventListener("click", () => stage.move(i, control.start));
    }

    place(position, text) {
      if (Number(this.input.value) !== position) this.input.value = position;
      if (this.output.textContent === text) return;
      this.output.textContent = text;
      this.input.setAttribute("aria-valuetext", text);
    }
  }

  // Runs a slider to its end, at a pace of the learner's, and waits for frames that are not here yet.
  class Player {
    constructor({ control, i, stage }) {
      const last = control.texts.length - 1;
      const [from, to] = control.play > 0 ? [0, last] : [last, 0];
      Object.assign(this, { i, stage, last, from, to, pace: 0, timer: null });
      this.button = make("button", { type: "button", className: "nslab-play" });
      this.speed = make("button", { type: "button", className: "nslab-pace", title: "pace" });
      this.button.addEventListener("click", () => (this.timer ? this.stop() : this.start()));
      this.speed.addEventListener("click", () => this.setPace((this.pace + 1) % PACES.length));
      this.word = control.word;
      this.setPace(0);
      this.stop();
      stage.onHand((control) => control === i && this.stop());
    }

    get buttons() {
      return [this.button, this.speed];
    }

    setPace(pace) {
      this.pace = pace;
      const text = { 1: "1×", 2: "2×", 0.5: "½×" }[PACES[pace]];
      this.speed.textContent = text;
      this.speed.setAttribute("aria-label", `pace ${text}`);
    }

    label(text, says) {
      this.button.textContent = text;
      this.button.title = says;
      this.button.setAttribute("aria-label", says);
    }

    start() {
      if (this.stage.at[this.i] === this.to) this.stage.move(this.i, this.from, true);
      this.stage.touch(this.i);
      this.label("❚❚", `stop ${this.word}`);
      this.step();
    }

    stop() {
      clearTimeout(this.timer);
      this.timer = null;
      this.label("▶", `play ${this.word}`);
    }

    step() {
      const stride = calm.matches ? Math.ceil(this.last / CALM_STOPS) : 1;
      const here = this.stage.at[this.i];
      this.timer = setTimeout(() => {
        const next = here + Math.sign(this.to - here) * Math.min(stride, Math.abs(this.to - here));
        if (!this.stage.waits) this.stage.move(this.i, next, true);
        if (this.stage.at[this.i] === this.to) this.stop();
        else this.step();
      }, Math.max(16, (stride * PLAY_MS) / this.last / PACES[this.pace]));
    }
  }

  // --- the stage: panels, marks, controls, numbers

  class Stage {
    constructor(spec, heading, root) {
      Object.assign(this, { spec, root, at: spec.controls.map((control) => control.start), hands: [], places: [] });
      this.inks = new Map();
      this.colors = new Map();
      root.scene = this;
      root.classList.add("nslab-scene");
      root.setAttribute("role", "group");
      this.heading = make("div", { className: "nslab-heading" });
      this.sliders = spec.controls.map((control, i) => new Slider(control, i, this));
      const controls = make("div", { className: "nslab-controls" }, ...this.sliders.map((slider) => slider.root));
      this.panels = Object.fromEntries(Object.entries(spec.panels).map(([name, panel]) => [name, new Panel(panel)]));
      this.figure = make("div", { className: "nslab-stage" }, ...Object.values(this.panels).map((panel) => panel.root));
      const key = spec.key.map(([role, text, stroke]) => make("li", { className: `${role} ${stroke}` }, make("span", { textContent: text })));
      this.hint = make("p", { className: "nslab-hint" });
      this.trouble = make("p", { className: "nslab-trouble", hidden: true, aria: { role: "alert" } });
      this.summary = make("pre", { className: "nslab-summary", aria: { live: "polite" } });
      this.tips = new Tips(this);
      root.append(this.heading, controls, this.figure, make("ul", { className: "nslab-key", aria: { label: "key" } }, ...key));
      root.append(this.hint, this.trouble, this.summary, this.tips.root);
      this.marks = Object.fromEntries(Object.entries(spec.marks).map(([name, look]) => [name, this.mark(name, look)]));
      this.title(heading);
      this.place(this.at);
      this.watchTheme();
      this.sizes = new ResizeObserver(() => this.lay());
      this.sizes.observe(root);
    }

    mark(name, given) {
      const { lists } = this.spec;
      const look = { ...given, words: lists[given.words], tips: lists[given.tips] };
      const panel = this.panels[look.panel];
      const group = draw(panel.marks, "g", { class: "nslab-mark" });
      const fixed = Object.entries(look.fixed).map(([channel, row]) => [channel, row.map((value) => value ?? NaN)]);
      const mark = { look, panel, group, v: Object.fromEntries(fixed), draw: marks[look.kind](group, look, this) };
      if (look.kind === "Cells") Object.assign(mark.v, middles(look.shape, panel.spec));
      if (look.tips || look.shows || look.names || look.picks) queueMicrotask(() => this.tips.watch(name, mark));
      return mark;
    }

    title(text) {
      this.heading.textContent = text;
      this.root.setAttribute("aria-label", text);
    }

    // Panels side by side, or below each other where that leaves too little room.
    lay() {
      const width = this.figure.clientWidth;
      if (!width || width === this.laid) return;
      this.laid = width;
      const panels = Object.values(this.panels);
      const wide = width >= NARROW;
      this.figure.classList.toggle("nslab-narrow", !wide);
      const whole = panels.reduce((sum, panel) => sum + panel.spec.share, 0);
      for (const panel of panels) panel.lay(wide ? Math.floor((width * panel.spec.share) / whole) : width, wide ? 280 : 230);
      this.redraw();
    }

    show(frame) {
      if (!this.trouble.hidden) this.trouble.hidden = true;
      if (frame === this.shown) return;
      const moved = new Set(Object.keys(this.shown ? {} : this.marks));
      this.spec.layout.forEach(([name, channel], i) => {
        const { v } = this.marks[name];
        if (v[channel] !== frame.rows[i]) moved.add(name);
        v[channel] = frame.rows[i];
      });
      this.spec.texts.forEach((name, i) => {
        if (this.marks[name].words !== frame.notes[i]) moved.add(name);
        this.marks[name].words = frame.notes[i];
      });
      this.shown = frame;
      if (!this.hint.textContent) this.hint.textContent = this.invitation();
      if (!this.laid) this.lay();
      else for (const name of moved) this.drawMark(this.marks[name]);
      if (this.summary.textContent !== frame.text) this.summary.textContent = frame.text;
      this.root.dataset.at = this.at.join(); // who times a scene sees a frame arrive that moves no mark
      this.tips.refresh();
    }

    drawMark({ draw: paint, v, panel, words }) {
      paint(v, panel, words);
    }

    redraw() {
      if (!this.shown) return;
      for (const mark of Object.values(this.marks)) this.drawMark(mark);
      this.tips.refresh();
    }

    // A ring around the point whose tip is shown.
    ring(shown) {
      this.halo?.remove();
      this.halo = null;
      if (!shown) return;
      const { x, y, side: length } = this.tips.place(shown.name, shown.i);
      const half = length / 2 + 3;
      this.halo = draw(this.marks[shown.name].panel.svg, "rect", { class: "halo", x: px(x - half), y: px(y - half), width: px(2 * half), height: px(2 * half), rx: 3 });
    }

    place(at, texts) {
      this.at = [...at];
      const said = texts ?? at.map((position, i) => this.spec.controls[i].texts[position]);
      this.sliders.forEach((slider, i) => slider.place(at[i], said[i]));
      for (const call of this.places) call(this.at, said);
    }

    // A hand, or ▶ (`played`), moves a control.
    move(control, position, played = false) {
      if (!played) for (const call of this.hands) call(control);
      if (position === this.at[control]) return;
      this.place(this.at.with(control, position));
      this.source.move(control);
    }

    touch(control) {
      this.source.touch(control);
    }

    // What a hand can do here.
    invitation() {
      const looks = Object.values(this.marks).map(({ look }) => look);
      const picks = looks.find((look) => look.picks)?.picks;
      const picked = this.spec.controls.find(({ name }) => name === picks);
      const said = [
        looks.some((look) => look.along) && "drag the round handles",
        Object.keys(this.marks).some((name) => this.pulls(name)) && "drag a point, which comes back when you let go",
        picked && `click a point (${picked.word})`,
        looks.some((look) => look.tips || look.shows || look.names) && "point at things to read what they are",
      ].filter(Boolean);
      const here = said.length ? `You can ${said.join(", ")}.` : "";
      const there = !this.source.pull && looks.some((look) => look.pulls) && "In JupyterLab you can also drag a point.";
      return [here, there].filter(Boolean).join(" ");
    }

    // The axes along which a hand may hold a point of this mark elsewhere: it takes a kernel that answers.
    pulls(name) {
      return this.source.pull ? this.marks[name].look.pulls : "";
    }

    get waits() {
      return this.source.lacking;
    }

    fail(text) {
      this.trouble.textContent = text;
      this.trouble.hidden = false;
    }

    wait(slow) {
      this.root.classList.toggle("nslab-waiting", slow);
    }

    // Whether the learner is at another explainer: nothing is fetched ahead for this one then.
    left() {
      const other = document.activeElement?.closest(".nslab-scene");
      return other && other !== this.root;
    }

    onHand(call) {
      this.hands.push(call);
    }

    onPlace(call) {
      this.places.push(call);
    }

    // --- colors

    // The numbers of a role's color as the page shows it now.
    color(role) {
      if (!this.colors.has(role)) this.colors.set(role, this.probed(role));
      return this.colors.get(role);
    }

    probed(role) {
      this.probe ??= this.root.appendChild(make("i", { hidden: true }));
      this.probe.style.color = `var(--${role})`;
      const context = make("canvas", { width: 1, height: 1 }).getContext("2d");
      context.fillStyle = getComputedStyle(this.probe).color;
      context.fillRect(0, 0, 1, 1);
      return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    }

    // Pictures as addresses, in the ink of the page.
    images(n) {
      if (!this.inks.has(n)) this.inks.set(n, inked(this.spec.images[n], this.color("ink")));
      return this.inks.get(n);
    }

    watchTheme() {
      const change = () => {
        this.inks.clear();
        this.colors.clear();
        this.redraw();
      };
      this.theme = new MutationObserver(change);
      for (const element of [document.documentElement, document.body]) {
        this.theme.observe(element, { attributeFilter: ["data-theme", "data-jp-theme-light"] });
      }
      this.scheme = matchMedia("(prefers-color-scheme: dark)");
      this.scheme.addEventListener("change", change);
      this.unwatch = () => this.scheme.removeEventListener("change", change);
    }

    close() {
      this.theme.disconnect();
      this.sizes.disconnect();
      this.unwatch();
    }
  }

  // --- where frames come from: a kernel

  // The kernel's messages reach every view of the widget; `id` tells whose request they answer.
  class Kernel {
    constructor(model, stage) {
      Object.assign(this, { model, stage, spec: stage.spec });
      this.id = crypto.randomUUID?.() ?? String(Math.random());
      this.hand = null; // the control that the learner touches: its row is fetched ahead
      this.frames = new Map(); // "12,3" -> frame, or null where the kernel could not make one
      this.coming = new Set(); // of what is fetched ahead, and not here yet
      this.batches = 0;
      this.asked = 0; // hellos and moves; answers come in the same order
      this.answered = 0;
      this.told = null; // the last position that the kernel knows
      this.lacking = true; // the frame of where the controls stand is not here
      this.moved = -REST_MS;
    }

    start() {
      const receive = (message, buffers) => this.receive(message, buffers);
      this.model.on("msg:custom", receive);
      this.send({ kind: "hello" });
      return () => this.model.off("msg:custom", receive);
    }

    get key() {
      return this.stage.at.join();
    }

    get waiting() {
      return this.asked - this.answered;
    }

    move(control) {
      this.hand = control;
      this.moved = performance.now();
      const frame = this.frames.get(this.key);
      this.lacking = !frame;
      if (frame) this.stage.show(frame);
      this.next();
    }

    touch(control) {
      this.hand = control;
      clearTimeout(this.reach);
      this.reach = setTimeout(() => this.next(), REACH_MS);
    }

    next() {
      if (this.told === null) return;
      const { key } = this;
      if (this.told !== key) {
        const need = !this.frames.get(key);
        const rest = this.moved + REST_MS - performance.now();
        clearTimeout(this.timer);
        if (!need && rest > 0) {
          this.timer = setTimeout(() => this.next(), rest);
        } else if (!this.waiting) {
          this.told = key;
          this.send({ kind: "move", at: [...this.stage.at], need });
          return;
        }
      }
      while (!(this.lacking && this.waiting) && this.batches < BATCHES) {
        const places = this.lacking ? this.missing([[...this.stage.at]]) : this.row();
        if (!places.length) return;
        this.batches++;
        for (const at of places) this.coming.add(at.join());
        this.model.send({ kind: "ahead", at: places, view: this.id });
      }
    }

    // One request at a time; the newest place wins.
    pull(point) {
      if (!this.held) this.rest = this.stage.shown;
      this.held = point;
      if (this.pulling) return;
      this.pulling = point;
      this.model.send({ kind: "pull", at: [...this.stage.at], point, view: this.id });
    }

    release() {
      this.held = null;
      this.stage.show(this.rest);
    }

    pulled(frame) {
      const answered = this.pulling;
      this.pulling = null;
      if (!this.held) return;
      this.stage.show(frame);
      if (this.held !== answered) this.pull(this.held);
    }

    // Where the hand may go next and no frame is here yet: a step, an end, back to the start, then ever further.
    row() {
      if (!this.spec.ahead || this.hand === null || this.stage.left()) return [];
      const { texts, start } = this.spec.controls[this.hand];
      const here = this.stage.at[this.hand];
      const last = texts.length - 1;
      const places = [here + 1, here - 1, last, 0, start];
      for (let step = 2; step <= last; step++) places.push(here + step, here - step);
      const row = [...new Set(places)].filter((position) => position >= 0 && position <= last);
      return this.missing(row.map((position) => this.stage.at.with(this.hand, position))).slice(0, BATCH);
    }

    missing(places) {
      return places.filter((at) => !this.frames.has(at.join()) && !this.coming.has(at.join()));
    }

    send(request) {
      const number = ++this.asked;
      setTimeout(() => this.answered < number && this.stage.wait(true), SLOW_MS);
      this.model.send({ ...request, view: this.id });
    }

    receive(message, buffers) {
      const mine = message.view === this.id;
      if (mine) this.land(message);
      if (message.kind === "error") {
        if (mine) this.fail(message);
      } else {
        const [data] = buffers;
        const numbers = data ? new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)) : [];
        this.take(message, unpacked(message.frames, numbers), mine);
      }
      // Let input events that are already queued go first: what they want is newer.
      setTimeout(() => this.next(), 0);
    }

    land({ kind, of, asked }) {
      if (kind === "pulled") return;
      if (of === "pull") {
        this.pulling = null;
      } else if ((of ?? kind) === "ahead") {
        this.batches--;
        for (const at of asked ?? []) this.coming.delete(at.join());
      } else {
        this.answered++;
        this.stage.wait(false);
      }
    }

    take({ kind, at, asked, texts }, found, mine) {
      if (kind === "pulled") {
        if (mine) this.pulled(found[0]);
        return;
      }
      if (kind === "now") {
        if (mine && this.waiting) return; // the learner has moved on, and so will the kernel
        this.follow(at, texts);
        this.stage.show(found[0]); // may lie between two stops of a slider: not kept
        return;
      }
      for (const frame of found) this.keep(frame.at.join(), frame);
      for (const place of asked ?? []) if (!this.frames.has(place.join())) this.keep(place.join(), null);
      if (kind === "moved" && !mine) this.follow(at);
      const wanted = this.frames.get(this.key);
      // A frame that the slider has left behind is still newer than the one on the screen.
      const newest = wanted ?? (kind === "moved" ? found[0] : null);
      if (newest && (this.lacking || kind === "moved")) this.stage.show(newest);
      this.lacking = !wanted;
    }

    follow(at, texts) {
      this.stage.place(at, texts);
      this.told = this.key;
      this.lacking = false;
    }

    fail({ of, text }) {
      if (of === "ahead") return;
      this.hand = null; // fetch no further ahead into the trouble
      this.told ??= "";
      this.lacking = false;
      this.stage.fail(text);
    }

    keep(key, frame) {
      this.frames.set(key, frame);
      if (this.frames.size > KEPT_FRAMES) this.frames.delete(this.frames.keys().next().value);
    }
  }

  // --- where frames come from: a table beside the page

  const tables = {}; // by name: what the scripts with the frames leave here

  class Table {
    constructor(stage) {
      this.stage = stage;
      this.frames = null;
      this.lacking = false;
      const { controls } = stage.spec;
      this.strides = controls.map((_, i) => controls.slice(0, i).reduce((all, { texts }) => all * texts.length, 1));
    }

    get here() {
      return this.frames?.[this.stage.at.reduce((sum, position, i) => sum + position * this.strides[i], 0)];
    }

    move() {
      this.lacking = !this.here;
      if (this.here) this.show();
      else this.touch();
    }

    show() {
      this.lacking = false;
      this.stage.show(this.here);
    }

    // The table is fetched once, when the reader comes near.
    touch() {
      this.loading ??= this.load().catch(() => {
        this.loading = null;
        this.stage.fail("The figure for these values could not be loaded.");
      });
    }

    async load() {
      const { name, frames } = this.stage.root.dataset;
      await new Promise((loaded, failed) => document.head.append(make("script", { src: frames, onload: loaded, onerror: failed })));
      const zipped = new Blob([bytes(tables[name])]).stream().pipeThrough(new DecompressionStream("gzip"));
      const buffer = await new Response(zipped).arrayBuffer();
      delete tables[name];
      const [length] = new Uint32Array(buffer, 0, 1);
      const [along, headers] = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
      this.frames = unpacked(headers, restored(along, headers, new Uint8Array(buffer, 4 + length)));
      if (this.lacking) this.show();
    }
  }

  // A page's scene: its stage and first frame lie in the page itself.
  function open(root) {
    const { first, ...spec } = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    root.querySelector(".nslab-summary").remove();
    const stage = new Stage(spec, root.getAttribute("aria-label"), root);
    stage.source = new Table(stage);
    stage.show(unpacked([first], new Float32Array(bytes(first.data).buffer))[0]);
    // A reader who opens an answer further down finds the message where the question was.
    document.addEventListener("toggle", ({ target }) => {
      const below = root.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_FOLLOWING;
      if (below && target.open && target.matches(".nslab-reveal")) stage.title(spec.title);
    }, true);
    new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && stage.source.touch(), { rootMargin: "50%" }).observe(root);
  }

  function render({ model, el }) {
    const stage = new Stage(model.get("_spec"), model.get("_heading"), make("div"));
    stage.source = new Kernel(model, stage);
    el.append(stage.root);
    const retitle = () => stage.title(model.get("_heading"));
    model.on("change:_heading", retitle);
    const stop = stage.source.start();
    return () => {
      stop();
      model.off("change:_heading", retitle);
      stage.close();
    };
  }

  if (document.currentScript) {
    document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".nslab-scene").forEach(open));
  }
  return { render, tables };
})();
