// The browser's half of an explainer: sliders, a cache of frames, few requests in flight, nothing that queues.

const KEPT_FRAMES = 400; // of about 30 kB
const SLOW_MS = 500; // an answer that takes longer is waited for visibly
const MOVES = 2; // without an answer yet: while one frame travels here, the kernel draws the next
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
    this.backdrops = new Map(); // width -> what never moves: frames say only what differs from it
    this.frames = new Map(); // "12,3" -> frame
    this.asked = 0; // hellos and moves; answers come in the same order
    this.answered = 0;
    this.ahead = null; // "12,3": the frame that is asked for ahead
    this.told = null; // the last position that the kernel knows
    this.lacking = false; // the frame of where the sliders stand is not here
    this.moved = -REST_MS;
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

  waiting() {
    return this.asked - this.answered;
  }

  move(control, position) {
    this.hand = control;
    this.moved = performance.now();
    this.at[control] = position;
    this.view.place(this.at);
    const frame = this.frames.get(this.key());
    this.lacking = !frame;
    if (frame) this.view.show(frame);
    this.next();
  }

  touch(control) {
    this.hand = control;
    this.next();
  }

  next() {
    if (this.told === null) return;
    const waiting = this.waiting();
    const key = this.key();
    if (this.told !== key) {
      if (waiting === (this.spec.ahead ? MOVES : 1)) return;
      const need = !this.frames.has(key);
      const rest = this.moved + REST_MS - performance.now();
      clearTimeout(this.timer);
      if (!need && rest > 0) {
        this.timer = setTimeout(() => this.next(), rest);
        return;
      }
      this.told = key;
      this.send({ kind: "move", at: [...this.at], need });
    } else if (!waiting && !this.ahead) {
      const at = this.lacking ? [...this.at] : this.neighbour();
      if (at) this.send({ kind: "ahead", at });
    }
  }

  // Where the hand may go next, and no frame is here yet: a step, an end, back to the start, then ever further.
  neighbour() {
    if (!this.spec.ahead || this.hand === null || this.view.left()) return null;
    const { texts, start } = this.spec.controls[this.hand];
    const here = this.at[this.hand];
    const last = texts.length - 1;
    const places = [here + 1, here - 1, last, 0, start];
    for (let step = 2; step <= last; step++) places.push(here + step, here - step);
    for (const position of places) {
      const at = this.at.with(this.hand, position);
      if (position >= 0 && position <= last && !this.frames.has(at.join())) return at;
    }
    return null;
  }

  send(request) {
    if (request.kind === "ahead") {
      this.ahead = request.at.join();
    } else {
      const number = ++this.asked;
      setTimeout(() => this.answered < number && this.view.wait(true), SLOW_MS);
    }
    this.model.send({ ...request, view: this.id });
  }

  receive(message, buffers) {
    if (message.kind === "backdrop") {
      const [width, height] = message.size;
      this.backdrops.set(width, painted(unpacked(message, buffers), new Uint32Array(width * height)));
      return;
    }
    const mine = message.view === this.id;
    if (mine && message.kind === "error") this.fail(message);
    if (mine) this.land(message);
    if (message.kind !== "error") this.take(message, this.frame(message, buffers), mine);
    // Let input events that are already queued go first: what they want is newer.
    setTimeout(() => this.next(), 0);
  }

  land({ kind, of }) {
    if ((of ?? kind) === "ahead") {
      this.ahead = null;
    } else {
      this.answered++;
      this.view.wait(false);
    }
  }

  // None in a message without one, and none that another view asked for before this one has a backdrop.
  frame(message, buffers) {
    const backdrop = this.backdrops.get(message.size?.[0]);
    return backdrop ? { ...unpacked(message, buffers), backdrop } : null;
  }

  take({ kind, at, texts }, frame, mine) {
    if (mine && kind === "now" && this.waiting()) return; // the learner has moved on, and so will the kernel
    if (kind === "now" || (kind === "moved" && !mine)) {
      this.at = [...at];
      this.told = this.key();
      this.view.place(this.at, texts);
      this.lacking = false;
    }
    if (kind === "now") {
      if (frame) this.view.show(frame); // may lie between two stops of a slider: not kept
      return;
    }
    if (frame) this.keep(at.join(), frame);
    const wanted = this.frames.get(this.key());
    if (kind === "moved") {
      this.lacking = !wanted;
      // A frame that the slider has left behind is still newer than the one on the screen.
      if (wanted ?? frame) this.view.show(wanted ?? frame);
    } else if (wanted && this.lacking) {
      this.lacking = false;
      this.view.show(wanted);
    }
  }

  fail({ of, text }) {
    this.hand = null; // fetch no further ahead into the trouble
    this.told ??= "";
    if (of === "ahead" && this.ahead !== this.key()) return; // nobody has asked for that frame yet
    this.lacking = false;
    this.view.fail(text);
  }

  keep(key, frame) {
    this.frames.set(key, frame);
    if (this.frames.size > KEPT_FRAMES) this.frames.delete(this.frames.keys().next().value);
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

  show(frame) {
    if (frame === this.shown) return;
    this.shown = frame;
    const { canvas } = this;
    const [width, height] = frame.size;
    if (this.image?.width !== width) {
      Object.assign(canvas, { width, height });
      this.image = new ImageData(width, height);
    }
    const pixels = new Uint32Array(this.image.data.buffer);
    pixels.set(frame.backdrop);
    painted(frame, pixels);
    canvas.getContext("2d").putImageData(this.image, 0, 0);
    if (this.summary.textContent !== frame.text) this.summary.textContent = frame.text;
    this.trouble.hidden = true;
  }

  fail(text) {
    this.shown = null;
    this.trouble.textContent = text;
    this.trouble.hidden = false;
  }

  // Whether the learner is at another explainer: nothing is fetched ahead for this one then.
  left() {
    const other = document.activeElement?.closest(".nslab-explainer");
    return other && other !== this.root;
  }

  wait(slow) {
    this.root.classList.toggle("nslab-waiting", slow);
  }
}

// A frame is kept as it came: runs of equal pixels, a colour and a length each.
function unpacked({ text, size }, buffers) {
  const [colours, lengths] = buffers.map((b) => b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength));
  return { text, size, colours: new Uint32Array(colours), lengths: new Uint16Array(lengths) };
}

// Where the colour is 0, what is there stays.
function painted({ colours, lengths }, pixels) {
  let start = 0;
  for (let i = 0; i < lengths.length; i++) {
    const end = start + lengths[i];
    if (colours[i]) pixels.fill(colours[i], start, end);
    start = end;
  }
  return pixels;
}

function make(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

function render({ model, el }) {
  return new View(model, el).figure.start();
}

export default { render };
