// What the browser tests and the bench read from an open notebook: its errors, its explainers, and when a figure changed.
(() => {
  const lab = (window.liveLab = { noise: [] });
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  // The explainer that is timed, and when it was touched and seen to change.
  const timed = { input: null, figure: null, key: 0, values: [], frames: [], due: false };

  // A task that follows the rendering of this frame: the earliest moment at which the figure can be seen.
  const afterFrame = (call) =>
    requestAnimationFrame(() => scheduler.postTask(call, { priority: "user-blocking" }));

  // Counts what is drawn after the slider was touched: an answer to an earlier touch may still be on its way.
  const drawn = () => {
    if (timed.due || !timed.values.length) return;
    const { frames } = timed;
    timed.due = true;
    afterFrame(() => {
      timed.due = false;
      frames.push(performance.now());
    });
  };
  const put = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (...image) {
    put.apply(this, image);
    if (timed.figure?.contains(this.canvas)) drawn(); // a matrix of cells changes no attribute
  };
  const moves = new MutationObserver(drawn);
  for (const touch of ["keydown", "pointerdown"]) addEventListener(touch, (event) => (timed.key = event.timeStamp), true);
  addEventListener("input", (event) => event.target === timed.input && timed.values.push(event.timeStamp), true);

  // Waits until the test holds; what it waits for is said where it never does.
  const until = async (what, patience, test) => {
    const start = performance.now();
    while (!(await test())) {
      if (performance.now() - start > patience) throw new Error(`${what}: not within ${patience} ms`);
      await sleep(5);
    }
  };

  lab.open = async (patience) => {
    await window.jupyterapp.restored;
    await until("an open notebook with an idle kernel", patience, () => {
      const panel = window.jupyterapp.shell.currentWidget;
      const kernel = panel?.sessionContext?.session?.kernel;
      Object.assign(lab, { panel, kernel });
      return kernel?.status === "idle" && panel.content?.model;
    });
    lab.kernel.iopubMessage.connect((_, { header, content }) => {
      if (header.msg_type === "error") lab.noise.push(`${content.ename}: ${content.evalue}`);
      // JupyterLab opens its own comm in one thread of the kernel and speaks to it in another, sometimes too early; a figure
      // that lost a message would not follow its slider.
      if (content.name === "stderr" && !/^No such comm: \S+\s*$/.test(content.text)) lab.noise.push(`stderr: ${content.text}`);
    });
  };

  lab.idle = (patience) => until("an idle kernel", patience, () => lab.kernel.status !== "busy");

  lab.run = async (patience) => {
    const ran = window.jupyterapp.commands.execute("notebook:run-all-cells");
    await Promise.race([ran, sleep(patience)]);
    await lab.idle(patience);
  };

  // The cursor goes into the first code cell that holds these words. Cells out of sight have no text on the page.
  lab.enter = async (words, patience) => {
    const { content } = lab.panel;
    const holds = ({ model }) => model.type === "code" && model.sharedModel.getSource().includes(words);
    content.activeCellIndex = content.widgets.findIndex(holds);
    await content.scrollToItem(content.activeCellIndex, "center");
    content.mode = "edit";
    await until("a cursor", patience, () => content.activeCell.editor?.hasFocus());
  };

  lab.cells = () =>
    lab.panel.content.widgets
      .filter(({ model }) => model.type === "code")
      .map(({ model }) => ({
        source: model.sharedModel.getSource(),
        count: model.executionCount,
        outputs: model.outputs.toJSON(),
      }));

  lab.python = async (code) => {
    const future = lab.kernel.requestExecute({ code, store_history: false });
    let printed = "";
    future.onIOPub = ({ header, content }) => {
      if (header.msg_type === "stream" && content.name === "stdout") printed += content.text;
    };
    const { content } = await future.done;
    if (content.status !== "ok") throw new Error(`${content.ename}: ${content.evalue}`);
    return JSON.parse(printed);
  };

  lab.explainers = () => [...document.querySelectorAll(`${window.jupyterapp ? ".jp-OutputArea " : ""}.nslab-scene`)];
  lab.inputs = (i) => [...lab.explainers()[i].querySelectorAll("input[type=range]")];

  lab.sliders = () =>
    lab.explainers().map((_, i) =>
      lab.inputs(i).map((input) => ({ name: input.getAttribute("aria-label"), last: Number(input.max) })),
    );

  // What a reader sees: where the sliders stand, the numbers below, and as one hash those that the scene is drawn from, with its notes.
  lab.shown = async (i) => {
    const root = lab.explainers()[i];
    const { rows, notes } = root.scene.shown;
    const drawn = await new Blob([...rows, notes.join("\n")]).arrayBuffer();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", drawn));
    return {
      at: lab.inputs(i).map((input) => Number(input.value)),
      text: root.querySelector(".nslab-summary").textContent,
      scene: [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
      trouble: root.querySelector(".nslab-trouble:not([hidden])")?.textContent ?? null,
    };
  };

  // From now on this slider is timed; where it lies on the page.
  lab.watch = (i, slider) => {
    const input = lab.inputs(i)[slider];
    const figure = lab.explainers()[i].querySelector(".nslab-stage");
    moves.disconnect();
    moves.observe(figure, { subtree: true, attributes: true });
    moves.observe(lab.explainers()[i], { attributeFilter: ["data-at"] });
    Object.assign(timed, { input, figure, before: input.value, values: [], frames: [], due: false });
    // Only out of sight: a scroll to where the page is already may ask for a frame, and the key would wait for the next.
    input.scrollIntoView({ block: "nearest" });
    input.focus({ preventScroll: true });
    return input.getBoundingClientRect().toJSON();
  };

  // No hand on any slider: nothing is fetched ahead for it.
  lab.leave = () => document.activeElement.blur();

  // Milliseconds from the last key or click to the frame that shows its figure; null where the slider could go no further.
  lab.answer = async (patience) => {
    if (timed.input.value === timed.before) return null;
    await until("a new figure", patience, () => timed.frames.length);
    return timed.frames[0] - timed.key;
  };

  // Of a drag that is over: its figures and its new values a second, and milliseconds from its last value to its last figure.
  lab.dragged = async () => {
    const { values, frames } = timed;
    let count;
    do {
      count = frames.length;
      await sleep(300);
    } while (frames.length > count);
    const [first, last] = [values.at(0), values.at(-1)];
    const during = frames.filter((frame) => first <= frame && frame <= last).length;
    const perSecond = (count) => (1000 * count) / (last - first);
    return { rate: perSecond(during), drain: Math.max(0, frames.at(-1) - last), values: perSecond(values.length - 1) };
  };

  // Two input events an animation frame for each explainer, twice what a hand gives: moves[step][explainer] is [slider, position].
  lab.walk = async (moves) => {
    for (const [count, step] of moves.entries()) {
      if (count % 2 === 0) await new Promise(requestAnimationFrame);
      step.forEach(([slider, position], i) => {
        const input = lab.inputs(i)[slider];
        input.value = position;
        input.dispatchEvent(new Event("input", { bubbles: true }));
      });
    }
  };
})();
