// Review with scripts: a field and the words that support it light up together, and keys decide.

const page = () => document.querySelector("[data-review]");
const isTyping = (target) => target instanceof Element && target.matches("input, select, textarea");

function light(fields) {
  const place = page();
  if (!place) return;
  place.querySelectorAll(".lit").forEach((one) => one.classList.remove("lit"));
  for (const field of fields) {
    place.querySelectorAll(`.quote[data-fields~="${field}"], .field[data-field="${field}"]`).forEach((one) => {
      one.classList.add("lit");
    });
  }
}

function fieldsOf(target) {
  const element = target instanceof Element ? target : null;
  const quote = element?.closest("[data-fields]");
  if (quote) return quote.dataset.fields.split(" ");
  const field = element?.closest("[data-field]");
  return field ? [field.dataset.field] : null;
}

for (const kind of ["mouseover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const fields = fieldsOf(event.target);
    if (fields) {
      light(fields);
      const quote = kind === "focusin" && isTyping(event.target)
        ? page()?.querySelector(`.quote[data-fields~="${fields[0]}"]`)
        : null;
      quote?.scrollIntoView({ block: "nearest" });
    } else if (kind === "mouseover") {
      light(fieldsOf(document.activeElement) ?? []);
    }
  });
}

const DOES = {
  j: () => document.querySelector("main a[rel=next]")?.click(),
  k: () => document.querySelector("main a[rel=prev]")?.click(),
  a: () => document.querySelector("[data-key=a]")?.click(),
  r: () => document.querySelector("[data-key=r]")?.click(),
  e: () => document.querySelector("[data-decide] input:not([type=hidden]):not([readonly])")?.focus(),
  "?": () => {
    const keys = document.querySelector("[data-keys]");
    if (!keys) return;
    keys.open = !keys.open;
    keys.querySelector("summary").focus();
  },
};
DOES.n = DOES.j;
DOES.p = DOES.k;

document.addEventListener("keydown", (event) => {
  if (!page() || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const does = DOES[event.key];
  if (does) {
    event.preventDefault();
    does();
  }
});
