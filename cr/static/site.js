// A few kindnesses for people who write long texts. Every page works without them.

// What somebody typed or chose; the fields that only programs see may change behind it.
const text = (form) => {
  const hidden = new Set([...form.elements].filter((field) => field.type === "hidden").map((field) => field.name));
  const fields = [...new FormData(form)].filter(([name, value]) => !hidden.has(name) && typeof value === "string");
  return new URLSearchParams(fields).toString();
};

for (const form of document.querySelectorAll("form[data-careful]")) {
  let before = text(form);
  let sent = false;

  // A second click would arrive with a version that the first one has made stale.
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  // Coming back with the back button must not find a form that no longer sends.
  addEventListener("pageshow", () => { sent = false; });
  // Said by create.js: this text is safe.
  form.addEventListener("kept", (event) => { before = event.detail; });
  addEventListener("beforeunload", (event) => {
    if (!sent && text(form) !== before) event.preventDefault();
  });
}

// Pages that are the same for everybody know nobody's address: it comes when somebody signed in begins to write.
for (const form of document.querySelectorAll("form[data-session]")) {
  const fill = async () => {
    const { user } = await (await fetch(form.dataset.session)).json();
    if (!user || form.elements.email.value) return;
    form.elements.email.value = user.email;
    form.dispatchEvent(new CustomEvent("kept", { detail: text(form) }));
  };
  form.addEventListener("focusin", () => fill().catch(() => {}), { once: true });
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
const localTime = (iso) => {
  const at = new Date(iso);
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString("en-GB", today ? { timeStyle: "short" } : { dateStyle: "long", timeStyle: "short" });
};
for (const time of document.querySelectorAll("time[data-local]")) time.textContent = localTime(time.dateTime);

// `voice` tells it to those who don't see the button.
const copyButton = (words, text, voice) => {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button second", textContent: words });
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = voice.textContent = "Copied";
  });
  return button;
};
for (const field of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const voice = Object.assign(document.createElement("span"), { className: "unseen" });
  voice.setAttribute("role", "status");
  const actions = Object.assign(document.createElement("p"), { className: "actions" });
  actions.append(copyButton(field.dataset.copy, field.value, voice), voice);
  field.parentElement.after(actions);
}

// For the scripts of single pages, which are loaded after this one.
globalThis.communityRule = { text, localTime, copyButton };
