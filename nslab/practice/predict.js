// A question with radio buttons; the choice goes to the kernel as it is made.
function render({ model, el }) {
  const make = (tag, parent, text = "") => {
    const node = document.createElement(tag);
    node.textContent = text;
    return parent.appendChild(node);
  };
  const fields = make("fieldset", el);
  fields.className = "nslab-predict";
  make("legend", fields, model.get("question"));
  const group = `nslab-predict-${crypto.randomUUID?.() ?? Math.random()}`;
  const inputs = new Map();
  for (const [key, text] of Object.entries(model.get("options"))) {
    const label = make("label", fields);
    const input = make("input", label);
    Object.assign(input, { type: "radio", name: group, value: key });
    input.setAttribute("data-lm-suppress-shortcuts", "true");
    input.addEventListener("change", () => {
      model.set("choice", key);
      model.save_changes();
    });
    make("b", label, key);
    make("span", label, text);
    inputs.set(key, input);
  }
  const status = make("p", fields);
  status.setAttribute("role", "status");
  const update = () => {
    const choice = model.get("choice");
    for (const [key, input] of inputs) {
      input.checked = key === choice;
      input.disabled = model.get("revealed");
    }
    const noted = choice ? `Noted: ${choice}.` : "Choose one before you read on.";
    status.textContent = choice && !model.get("revealed") ? `${noted} You can change it until the answer is shown.` : noted;
  };
  update();
  model.on("change:choice", update);
  model.on("change:revealed", update);
  return () => {
    model.off("change:choice", update);
    model.off("change:revealed", update);
  };
}

export default { render };
