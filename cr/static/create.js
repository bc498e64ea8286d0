// The guided flow with a script: it saves while somebody types, and choosing does not load the page anew. Whatever goes
// wrong here, the page's own forms still work.

const { copyButton, localTime, text } = globalThis.communityRule; // from site.js, which every page loads first

// Not `form.action`: that is a button where one is called "action".
const addressOf = (form) => form.getAttribute("action");

const PAUSE = 1200; // milliseconds without a key before a text is saved
const PATIENCE = [3000, 6000, 12000, 30000, 60000]; // between two tries, when the site can't be reached

// Saving while somebody types ---------------------------------------------------------------------------------------

class Autosave {
  constructor(form) {
    this.form = form;
    this.status = document.querySelector("[data-saved]");
    this.status?.setAttribute("role", "status");
    this.kept = text(form);
    this.tries = 0;
    form.addEventListener("input", () => this.later(PAUSE));
    form.addEventListener("change", () => this.later(200));
    // The button saves too. It waits for a save of ours that is on its way, or the two would meet as if of two people.
    form.addEventListener("submit", (event) => {
      clearTimeout(this.timer);
      if (!this.busy) { this.ended = true; return; }
      event.preventDefault();
      event.stopImmediatePropagation();
      this.pressed = event.submitter;
    }, { capture: true });
    addEventListener("pageshow", () => { this.ended = false; });
    addEventListener("online", () => this.later(0));
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.later(0); });
  }

  later(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), milliseconds);
  }

  async save() {
    if (this.ended || text(this.form) === this.kept) return;
    if (this.busy) { this.again = true; return; }
    this.busy = true;
    const sent = text(this.form);
    const body = new URLSearchParams([...new FormData(this.form)].filter(([, value]) => typeof value === "string"));
    const slow = setTimeout(() => this.say("Saving", "busy"), 300);
    try {
      const answer = await fetch(addressOf(this.form), {
        method: "POST", body, headers: { Accept: "application/json" }, keepalive: document.hidden,
      });
      clearTimeout(slow);
      const said = await answer.json();
      if (answer.ok) this.saved(sent, body, said);
      else this.refused(answer, said);
    } catch {
      clearTimeout(slow);
      this.failed("Could not save.");
    } finally {
      this.busy = false;
      if (this.pressed) {
        const button = this.pressed;
        this.pressed = null;
        this.form.requestSubmit(button);
      } else if (this.again) { this.again = false; this.later(PAUSE); }
    }
  }

  saved(sent, body, said) {
    this.tries = 0;
    const typedOn = text(this.form) !== sent;
    // What others wrote into fields that were not touched here is shown at once. Where somebody went on typing in the
    // same field, the form keeps its older version: the next save then finds the clash and asks.
    let together = said.together;
    for (const [name, value] of Object.entries(said.fields)) {
      if (Array.isArray(value)) {
        for (const box of this.form.querySelectorAll(`input[type=checkbox][name="${CSS.escape(name)}"]`)) {
          const was = body.getAll(name).includes(box.value);
          if (value.includes(box.value) === was) continue;
          if (box.checked === was) box.checked = !was;
          else together = false;
        }
        continue;
      }
      const field = this.form.elements.namedItem(name);
      if (field?.value === body.get(name)) field.value = value;
      else together = false;
    }
    if (together) this.hide("version", said.version);
    if (said.draft) this.hide("draft", said.draft);
    this.kept = typedOn ? sent : text(this.form);
    this.form.dispatchEvent(new CustomEvent("kept", { detail: this.kept }));
    this.say(`Saved ${localTime(said.savedAt)}`, "");
    if (typedOn) this.later(PAUSE);
  }

  hide(name, value) {
    let field = this.form.elements.namedItem(name);
    if (!field) {
      field = Object.assign(document.createElement("input"), { type: "hidden", name });
      this.form.append(field);
    }
    field.value = value;
  }

  refused(answer, said) {
    if (answer.status >= 500 || answer.status === 429) return this.failed(said.error.message);
    if (said.details?.clashes) return this.say("Changed elsewhere too: press the button below to see both texts", "failed");
    const first = Object.values(said.details?.fields ?? {})[0];
    this.say(`Not saved yet. ${first ?? said.error.message}`, "failed");
  }

  failed(why) {
    const wait = PATIENCE[Math.min(this.tries++, PATIENCE.length - 1)];
    this.say(`${why} Trying again in ${wait / 1000} seconds.`, "failed");
    const now = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Try now" });
    now.addEventListener("click", () => this.later(0));
    this.status?.append(" ", now);
    this.later(wait);
  }

  say(words, look) {
    if (!this.status) return;
    this.status.textContent = words;
    this.status.className = `saved ${look}`;
  }
}

for (const form of document.querySelectorAll("form[data-autosave]")) new Autosave(form);

// Choosing ----------------------------------------------------------------------------------------------------------

const voice = Object.assign(document.createElement("p"), { className: "unseen" });
voice.setAttribute("role", "status");
document.body.append(voice);

const parsed = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");
const swap = (selector, page) => {
  const [old, fresh] = [document.querySelector(selector), page.querySelector(selector)];
  if (old && fresh) old.replaceWith(fresh);
  return Boolean(old && fresh);
};

let choosing = false;
document.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  if (!form.matches("form[data-choose]") || !submitter?.name || submitter.name === "action") return;
  event.preventDefault();
  if (choosing) return;
  choosing = true;
  const near = submitter.closest(".card")?.nextElementSibling ?? submitter.closest(".card")?.previousElementSibling;
  const top = near?.getBoundingClientRect().top;
  try {
    const answer = await fetch(addressOf(form), { method: "POST", body: new URLSearchParams(new FormData(form, submitter)) });
    const page = await parsed(answer);
    if (!answer.ok || !swap("[data-swap=choices]", page)) throw new Error("another page");
    swap("#steps", page);
    history.replaceState(null, "", answer.url);
    voice.textContent = document.querySelector(".told").textContent;
    const same = near && document.getElementById(near.id);
    if (same) scrollBy({ top: same.getBoundingClientRect().top - top, behavior: "instant" });
    const { name, value } = submitter;
    const again = document.querySelector(`button[name="${name}"][value="${CSS.escape(value)}"]`)
      ?? (name === "up" || name === "down" ? document.querySelector(`.tools button[value="${CSS.escape(value)}"]`) : null)
      ?? (name === "add" ? same?.querySelector("button") : null)
      ?? document.getElementById("chosen");
    again.focus({ preventScroll: true });
    again.scrollIntoView({ block: "nearest", behavior: "instant" });
  } catch {
    // Whatever it was, the page's own way shows it.
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: submitter.name, value: submitter.value }));
    form.submit();
  } finally {
    choosing = false;
  }
});

// Searching while somebody types --------------------------------------------------------------------------------------

let asked, search;
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-search]");
  if (!form) return;
  clearTimeout(asked);
  asked = setTimeout(async () => {
    const address = `${addressOf(form).split("#")[0]}?${new URLSearchParams(new FormData(form))}`;
    search?.abort();
    search = new AbortController();
    const page = await fetch(address, { signal: search.signal }).then((answer) => answer.ok ? parsed(answer) : null).catch(() => null);
    if (!page) return;
    swap("[data-results]", page);
    swap("#cards > .actions", page);
    const found = document.querySelectorAll("[data-results] .card").length;
    voice.textContent = found === 1 ? "1 found" : `${found} found`;
  }, 250);
});

// Passing the rule on -------------------------------------------------------------------------------------------------

for (const box of document.querySelectorAll("[data-share]")) {
  const url = box.querySelector(".address a").href;
  const actions = box.querySelector(".actions");
  if (navigator.clipboard) actions.append(copyButton("Copy the address", url, voice));
  if (navigator.share) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "button second", textContent: "Share it" });
    button.addEventListener("click", () => navigator.share({ title: box.dataset.title, url }).catch(() => {}));
    actions.append(button);
  }
}
