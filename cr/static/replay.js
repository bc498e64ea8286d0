// The history of a rule, step by step, with a slider that shows another event without loading the page anew. Its form and
// the links do the same without a script.

const PAUSE = 150; // milliseconds, so that a drag does not ask for every event on its way

class Slider {
  constructor(form) {
    this.form = form;
    this.range = form.elements.namedItem("at");
    this.label = form.querySelector("label");
    this.shown = location.search;
    form.querySelector("button").remove();
    this.voice = Object.assign(document.createElement("p"), { className: "unseen" });
    this.voice.setAttribute("role", "status");
    form.after(this.voice);
    this.name();
    this.range.addEventListener("input", () => {
      this.name();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.show(this.address(), true), PAUSE);
    });
    // Also sent for a step to another clause of the same page, which is the browser's own business.
    addEventListener("popstate", () => { if (location.search !== this.shown) this.show(location.href, false); });
  }

  address() {
    const address = new URL(this.form.action);
    address.search = new URLSearchParams(new FormData(this.form));
    return address.href;
  }

  // What the slider says of itself, before the event is there.
  name() {
    const words = `Event ${this.range.value} of ${this.range.max}`;
    this.label.textContent = words;
    this.range.setAttribute("aria-valuetext", words);
  }

  async show(address, moved) {
    this.asking?.abort();
    const asking = this.asking = new AbortController();
    try {
      const answer = await fetch(address, { signal: asking.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const [old, fresh] = [document, page].map((each) => each.querySelector("[data-step]"));
      if (asking.signal.aborted) return;
      if (!answer.ok || !fresh) throw new Error("another page");
      old.replaceWith(fresh);
      document.title = page.title;
      const range = page.querySelector("form[data-slider] input");
      this.range.max = range.max;
      this.range.value = range.value;
      this.name();
      if (moved && new URL(address).search !== this.shown) history.pushState(null, "", address);
      this.shown = new URL(address).search;
      this.voice.textContent = `${fresh.querySelector("h1").textContent}: ${fresh.querySelector(".what").textContent}`;
    } catch (error) {
      // Whatever it was, the browser's own way shows it.
      if (error.name === "AbortError") return;
      if (moved) location.assign(address);
      else location.reload();
    }
  }
}

for (const form of document.querySelectorAll("form[data-slider]")) new Slider(form);
