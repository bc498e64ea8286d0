// A few kindnesses for people who write long texts. Every page works without them.

const forms = document.querySelectorAll("form[data-careful]");
const text = (form) => new URLSearchParams(new FormData(form)).toString();

for (const form of forms) {
  const before = text(form);
  let sent = false;

  // A second click would arrive with a version that the first one has made stale.
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  // Coming back with the back button must not find a form that no longer sends.
  addEventListener("pageshow", () => { sent = false; });
  addEventListener("beforeunload", (event) => {
    if (!sent && text(form) !== before) event.preventDefault();
  });
}

// How much room is left, said only when it gets tight.
for (const field of document.querySelectorAll("[data-limit]")) {
  const limit = Number(field.dataset.limit);
  const note = document.createElement("p");
  note.className = "count";
  note.setAttribute("role", "status");
  const count = () => {
    const left = limit - [...field.value].length;
    note.textContent = left > limit * 0.2 ? "" : left < 0 ? `${-left} characters too many` : `${left} characters left`;
  };
  field.after(note);
  field.addEventListener("input", count);
  count();
}

// The server knows UTC only. Today's times are said without the day.
for (const time of document.querySelectorAll("time[data-local]")) {
  const at = new Date(time.dateTime);
  const today = at.toDateString() === new Date().toDateString();
  time.textContent = at.toLocaleString("en-GB", today ? { timeStyle: "short" } : { dateStyle: "long", timeStyle: "short" });
}
