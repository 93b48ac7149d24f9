// Drives every filmstrip on a page: sliders over frames that were drawn ahead and lie stacked in sheets.
(() => {
  const KEPT_SHEETS = 6; // decoded, of at most 22 MB each, for all filmstrips of the page
  const SLOW_MS = 300; // a sheet that takes longer is waited for visibly

  // Decoded sheets, the most recently used last. One is decoded at a time: first what a figure lacks, then what may come.
  class Sheets {
    constructor() {
      this.strips = [];
      this.kept = new Map(); // file -> ImageBitmap
      this.ahead = [];
      this.failed = new Set();
    }

    take(src) {
      const bitmap = this.kept.get(src);
      if (bitmap) {
        this.kept.delete(src);
        this.kept.set(src, bitmap);
      }
      return bitmap;
    }

    next() {
      const lacking = this.strips.map((strip) => strip.lacks());
      return [...lacking, ...this.ahead].find((src) => src && !this.kept.has(src) && !this.failed.has(src));
    }

    async want(ahead) {
      this.ahead = ahead.slice(0, KEPT_SHEETS);
      this.failed.clear();
      if (this.busy) return;
      this.busy = true;
      for (let src; (src = this.next()); ) {
        const bitmap = await decoded(src).catch(() => null);
        if (bitmap) this.kept.set(src, bitmap);
        else this.failed.add(src);
        for (const strip of this.strips) if (strip.lacks() === src) strip.arrived(bitmap);
        this.forget();
      }
      this.busy = false;
    }

    forget() {
      for (const [src, bitmap] of this.kept) {
        if (this.kept.size <= KEPT_SHEETS) return;
        if (this.ahead.includes(src)) continue;
        bitmap.close();
        this.kept.delete(src);
      }
    }
  }

  async function decoded(src) {
    const image = Object.assign(new Image(), { src });
    await image.decode();
    return createImageBitmap(image);
  }

  class Filmstrip {
    constructor(root, sheets) {
      const strip = JSON.parse(root.querySelector("script[type='application/json']").textContent);
      Object.assign(this, { root, sheets, title: strip.title, controls: strip.controls });
      this.sources = strip.sheets.map((sheet) => sheet.src);
      this.frames = new Map(); // "3,0,2" -> where its pixels are, and its text
      for (const { src, frames } of strip.sheets) {
        frames.forEach(([point, text], row) => this.frames.set(point.join(), { src, row, text }));
      }
      this.at = this.controls.map((control) => control.start);
      this.figure = root.querySelector(".nslab-figure"); // an image of the start, until a canvas takes its place
      this.summary = root.querySelector(".nslab-summary");
      this.trouble = make("p", { className: "nslab-trouble", hidden: true });
      this.trouble.setAttribute("role", "alert");
      this.summary.before(this.trouble);
      this.sliders = this.controls.map((control, i) => this.slider(control, i));
      const rows = make("div", { className: "nslab-controls" });
      rows.append(...this.sliders.map((slider) => slider.row));
      root.prepend(rows);
      this.place();
    }

    slider(control, i) {
      const name = `${control.symbol} ${control.word}`.trim();
      const input = make("input", { type: "range", min: 0, max: control.texts.length - 1, step: 1 });
      input.setAttribute("aria-label", name);
      input.autocomplete = "off";
      const output = make("output", {});
      const words = make("span", { className: "nslab-name" });
      words.append(make("b", { textContent: control.symbol }), ` ${control.word}`);
      const label = make("label", {});
      label.append(words, input, output);
      const reset = make("button", { type: "button", textContent: "↺", title: `reset ${control.word}` });
      reset.setAttribute("aria-label", `reset ${control.word} to ${control.texts[control.start]}`);
      const row = make("div", { className: "nslab-control" });
      row.append(label, reset);
      input.addEventListener("input", () => this.move(i, Number(input.value)));
      for (const event of ["pointerenter", "focus"]) input.addEventListener(event, () => this.reach(i));
      reset.addEventListener("click", () => this.move(i, control.start));
      return { row, input, output };
    }

    move(control, position) {
      this.at[control] = position;
      this.place();
      this.show();
      this.reach(control);
    }

    place() {
      this.sliders.forEach(({ input, output }, i) => {
        const text = this.controls[i].texts[this.at[i]];
        if (Number(input.value) !== this.at[i]) input.value = this.at[i];
        output.textContent = text;
        input.setAttribute("aria-valuetext", text);
      });
    }

    // The file with the frame of now, unless that frame is on the screen.
    lacks() {
      const key = this.at.join();
      return this.root.dataset.at === key ? null : this.frames.get(key).src;
    }

    show() {
      const sheet = this.sheets.take(this.lacks());
      if (sheet) this.paint(sheet);
      if (this.lacks()) {
        this.late ??= setTimeout(() => this.root.classList.add("nslab-loading"), SLOW_MS);
        return;
      }
      clearTimeout(this.late);
      this.late = null;
      this.root.classList.remove("nslab-loading");
      this.trouble.hidden = true;
    }

    paint(sheet) {
      const key = this.at.join();
      const { row, text } = this.frames.get(key);
      const canvas = this.canvas();
      const { width, height } = canvas;
      canvas.getContext("2d").drawImage(sheet, 0, row * height, width, height, 0, 0, width, height);
      canvas.setAttribute("aria-label", `${this.title}: ${text}`);
      this.summary.textContent = text;
      this.root.dataset.at = key;
    }

    canvas() {
      if (this.figure.tagName !== "CANVAS") {
        const [width, height] = ["width", "height"].map((side) => this.figure.getAttribute(side));
        const canvas = make("canvas", { className: this.figure.className, width, height });
        canvas.setAttribute("role", "img");
        this.figure.replaceWith(canvas);
        this.figure = canvas;
      }
      return this.figure;
    }

    // Decode the sheets along the slider in hand, the nearest first.
    reach(control) {
      this.fetch();
      const last = this.controls[control].texts.length - 1;
      const sources = new Set();
      for (let step = 0; step <= last; step++) {
        for (const position of [this.at[control] + step, this.at[control] - step]) {
          const frame = this.frames.get(this.at.with(control, position).join());
          if (frame) sources.add(frame.src);
        }
      }
      this.sheets.want([...sources]);
    }

    arrived(sheet) {
      if (sheet) return this.show();
      this.trouble.textContent = "The figure for these values could not be loaded.";
      this.trouble.hidden = false;
    }

    // Bring all files near, still packed; `images` keeps them there.
    fetch() {
      this.images ??= this.sources.map((src) => Object.assign(new Image(), { fetchPriority: "low", src }));
    }
  }

  function make(tag, properties) {
    return Object.assign(document.createElement(tag), properties);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const sheets = new Sheets();
    const near = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (!isIntersecting) continue;
          sheets.strips.find((strip) => strip.root === target).fetch();
          near.unobserve(target);
        }
      },
      { rootMargin: "50%" },
    );
    for (const root of document.querySelectorAll(".nslab-filmstrip")) {
      sheets.strips.push(new Filmstrip(root, sheets));
      near.observe(root);
    }
  });
})();
