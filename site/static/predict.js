// Predictions on a page: opening an answer scores the choice and shows its explanation first.
const marks = new Map();

for (const form of document.querySelectorAll(".nslab-quiz")) {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    const choice = new FormData(form).values().next().value;
    form.querySelector("[role=status]").textContent = `Noted: ${choice}. You can change it until the answer is shown.`;
  });
}

for (const answer of document.querySelectorAll(".nslab-reveal")) {
  answer.addEventListener("toggle", () => {
    const form = document.getElementById(answer.dataset.ask);
    const choice = form && new FormData(form).values().next().value;
    if (!answer.open || marks.has(answer)) return;
    const score = answer.querySelector(".nslab-score");
    if (!choice) {
      score.textContent = "You made no prediction this time: read why each option is right or wrong.";
      return;
    }
    const right = choice === answer.dataset.answer;
    marks.set(answer, right);
    const hits = [...marks.values()].filter(Boolean).length;
    const verdict = right ? `You chose ${choice}, and that is right.` : `You chose ${choice}; the answer is ${answer.dataset.answer}.`;
    score.textContent = `${verdict} ${hits} of ${marks.size} predictions on this page right so far.`;
    answer.dataset.verdict = right ? "right" : "wrong";
    const chosen = answer.querySelector(`tr[data-option="${CSS.escape(choice)}"]`);
    chosen.classList.add("nslab-chosen");
    chosen.parentElement.prepend(chosen);
    form.querySelector("fieldset").disabled = true;
    form.querySelector("[role=status]").textContent = verdict;
  });
}
