// The browser's half of an explainer: sliders, a cache of frames, one request in flight.

const KEPT_FRAMES = 600; // compressed, an explainer
const KEPT_PIXELS = 40e6; // decoded, all views of an explainer together: 140 frames of the usual size
const SLOW_MS = 500; // an answer that takes longer is waited for visibly
const REST_MS = 100; // a slider that stands still so long is told to the kernel even if the frame is here already

class Figure {
  // What one view knows. The kernel's messages reach every view of the widget; `id` tells whose request they answer.
  constructor(model, view) {
    this.model = model;
    this.view = view;
    this.id = crypto.randomUUID?.() ?? String(Math.random());
    this.spec = model.get("_spec");
    this.at = this.spec.controls.map((c) => c.start);
    this.hand = null; // the slider that the learner touches: its neighbours are fetched ahead
    this.frames = new Map(); // "12,3" -> { blob, text }
    this.waiting = null; // the one request in flight
    this.told = null; // the last position that the kernel knows
    this.lacking = false; // another view moved here, and the frame did not come along
    this.moved = -REST_MS;
    this.turn = 0; // counts what was to be shown: only the newest is
  }

  start() {
    const receive = (message, buffers) => this.receive(message, buffers);
    this.model.on("msg:custom", receive);
    this.send({ kind: "hello", scale: window.devicePixelRatio });
    return () => this.model.off("msg:custom", receive);
  }

  key() {
    return this.at.join();
  }

  move(control, position) {
    this.hand = control;
    this.moved = performance.now();
    this.at[control] = position;
    this.view.place(this.at);
    const frame = this.frames.get(this.key());
    if (frame) this.show(frame);
    this.next();
  }

  touch(control) {
    this.hand = control;
    this.next();
  }

  next() {
    if (this.waiting || this.told === null) return;
    const key = this.key();
    if (this.told !== key) {
      const need = !this.frames.has(key);
      const rest = this.moved + REST_MS - performance.now();
      clearTimeout(this.timer);
      if (!need && rest > 0) {
        this.timer = setTimeout(() => this.next(), rest);
        return;
      }
      this.told = key;
      this.send({ kind: "move", at: [...this.at], need });
    } else if (this.lacking) {
      this.send({ kind: "ahead", at: [...this.at] });
    } else if (this.spec.ahead && this.hand !== null) {
      const ahead = this.neighbour();
      if (ahead) this.send({ kind: "ahead", at: ahead });
    }
  }

  neighbour() {
    const here = this.at[this.hand];
    const last = this.spec.controls[this.hand].texts.length - 1;
    for (let step = 1; step <= last; step++) {
      for (const position of [here + step, here - step]) {
        const at = this.at.with(this.hand, position);
        if (position >= 0 && position <= last && !this.frames.has(at.join())) return at;
      }
    }
    return null;
  }

  send(request) {
    this.waiting = request;
    setTimeout(() => this.waiting === request && request.kind !== "ahead" && this.view.wait(true), SLOW_MS);
    this.model.send({ ...request, view: this.id });
  }

  receive(message, buffers) {
    const answers = message.view === this.id ? this.waiting : null;
    if (answers) {
      this.waiting = null;
      this.view.wait(false);
    }
    if (message.kind === "error") {
      if (answers) this.fail(answers, message.text);
    } else {
      const blob = buffers.length ? new Blob([buffers[0]], { type: "image/png" }) : null;
      this.take(message, blob && { blob, text: message.text }, answers);
    }
    // Let input events that are already queued go first: what they want is newer.
    setTimeout(() => this.next(), 0);
  }

  take({ kind, at, texts }, frame, answers) {
    if (kind === "now" || (kind === "moved" && !answers)) {
      this.at = [...at];
      this.told = this.key();
      this.view.place(this.at, texts);
      this.lacking = false;
    }
    if (kind === "now") {
      this.show(frame); // may lie between two stops of a slider: not kept
      return;
    }
    if (frame) this.keep(at.join(), frame);
    const wanted = this.frames.get(this.key());
    this.lacking = !wanted && this.told === this.key() && kind === "moved" && !answers;
    // A frame that the slider has left behind is still newer than the one on the screen.
    if (wanted || (kind === "moved" && frame)) this.show(wanted ?? frame);
  }

  fail(request, text) {
    if (request.kind !== "ahead") this.view.fail(text);
    this.hand = null; // fetch no further ahead into the trouble
    this.lacking = false;
    this.told ??= "";
  }

  keep(key, frame) {
    this.frames.set(key, frame);
    decode(frame);
    if (this.frames.size > KEPT_FRAMES) this.frames.delete(this.frames.keys().next().value);
  }

  show(frame) {
    const turn = ++this.turn;
    if (frame === this.shown) return;
    const draw = (bitmap) => {
      if (turn !== this.turn) return;
      this.shown = frame;
      this.view.show(bitmap, frame.text);
    };
    if (frame.bitmap) draw(frame.bitmap);
    else decode(frame).then(draw);
  }
}

class View {
  constructor(model, el) {
    const figure = new Figure(model, this);
    this.figure = figure;
    const { spec } = figure;
    this.canvas = make("canvas", { className: "nslab-figure", width: spec.width, height: spec.height });
    this.canvas.style.maxWidth = `${spec.width}px`;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", spec.title);
    this.summary = make("pre", { className: "nslab-summary" });
    this.summary.setAttribute("aria-live", "polite");
    this.trouble = make("p", { className: "nslab-trouble", hidden: true });
    this.trouble.setAttribute("role", "alert");
    this.sliders = spec.controls.map((control, i) => this.slider(control, i));
    const controls = make("div", { className: "nslab-controls" });
    controls.append(...this.sliders.map((s) => s.row));
    this.root = make("div", { className: "nslab-explainer" });
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", spec.title);
    this.root.append(controls, this.canvas, this.trouble, this.summary);
    this.place(figure.at);
    el.append(this.root);
  }

  slider(control, i) {
    const input = make("input", { type: "range", min: 0, max: control.texts.length - 1, step: 1 });
    input.setAttribute("aria-label", `${control.symbol} ${control.word}`);
    input.dataset.lmSuppressShortcuts = "true";
    const output = make("output", {});
    const label = make("label", {});
    const name = make("span", { className: "nslab-name" });
    name.append(make("b", { textContent: control.symbol }), ` ${control.word}`);
    label.append(name, input, output);
    const reset = make("button", { type: "button", textContent: "↺", title: `reset ${control.word}` });
    reset.setAttribute("aria-label", `reset ${control.word} to ${control.texts[control.start]}`);
    const row = make("div", { className: "nslab-control" });
    row.append(label, reset);
    input.addEventListener("input", () => this.figure.move(i, Number(input.value)));
    for (const event of ["pointerenter", "focus"]) {
      input.addEventListener(event, () => this.figure.touch(i));
    }
    reset.addEventListener("click", () => this.figure.move(i, control.start));
    return { row, input, output, texts: control.texts };
  }

  place(at, texts) {
    this.sliders.forEach(({ input, output, texts: grid }, i) => {
      if (Number(input.value) !== at[i]) input.value = at[i];
      const text = texts?.[i] ?? grid[at[i]];
      output.textContent = text;
      input.setAttribute("aria-valuetext", text);
    });
  }

  show(bitmap, text) {
    const { canvas } = this;
    if (canvas.width !== bitmap.width) Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    if (this.summary.textContent !== text) this.summary.textContent = text;
    this.trouble.hidden = true;
  }

  fail(text) {
    this.trouble.textContent = text;
    this.trouble.hidden = false;
  }

  wait(slow) {
    this.root.classList.toggle("nslab-waiting", slow);
  }
}

const decoded = new Set(); // frames with a bitmap, the one used longest ago first

async function decode(frame) {
  const bitmap = frame.bitmap ?? (await createImageBitmap(frame.blob));
  frame.bitmap = bitmap;
  decoded.delete(frame);
  decoded.add(frame);
  if (decoded.size * bitmap.width * bitmap.height > KEPT_PIXELS) {
    const [oldest] = decoded;
    decoded.delete(oldest);
    oldest.bitmap = null;
  }
  return bitmap;
}

function make(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

function render({ model, el }) {
  return new View(model, el).figure.start();
}

export default { render };
