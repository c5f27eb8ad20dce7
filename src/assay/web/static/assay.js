// What pages can do with scripts and need not: keys, the theme, and what htmx is told when something goes wrong.

const TYPING = "input, select, textarea, [contenteditable]";
const ROWS = "[data-rows] tbody tr";

const isTyping = (target) => target instanceof Element && target.matches(TYPING);

function rows() {
  return [...document.querySelectorAll(ROWS)].filter((row) => row.querySelector("a[href]"));
}

function move(by) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.findIndex((row) => row.classList.contains("at"));
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
  all.forEach((row) => row.classList.remove("at"));
  all[next].classList.add("at");
  all[next].querySelector("a[href]").focus();
  all[next].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && isTyping(event.target)) {
    event.target.blur();
    return;
  }
  if (isTyping(event.target)) return;
  if (event.key === "/") {
    const field = document.querySelector("[data-search]:not(header *)") ?? document.querySelector("[data-search]");
    if (field) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  } else if (event.key === "j") {
    move(1);
  } else if (event.key === "k") {
    move(-1);
  } else if (event.key === "Enter" && event.target === document.body) {
    document.querySelector("tr.at a[href]")?.click();
  }
});

// The theme is kept in a cookie, so that the server sends the next page in it at once.
function themeInForce() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen) return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const toggle = target?.closest("[data-theme-toggle]");
  if (toggle) {
    const theme = themeInForce() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `assay_theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    tellTheme();
  }
  const copy = target?.closest("[data-copy]");
  if (copy && navigator.clipboard) {
    navigator.clipboard.writeText(copy.dataset.copy).then(() => say("Copied."));
  }
});

function tellTheme() {
  document.querySelectorAll("[data-theme-toggle]").forEach((toggle) => {
    toggle.hidden = false;
    const other = themeInForce() === "dark" ? "light" : "dark";
    toggle.setAttribute("aria-label", `Use ${other} colours`);
    toggle.title = `Use ${other} colours`;
  });
}

// A question before what cannot be taken back.
document.addEventListener("submit", (event) => {
  const asked = event.submitter?.dataset.ask ?? event.target.dataset.ask;
  if (asked && !window.confirm(asked)) {
    event.preventDefault();
    event.stopPropagation();
  }
}, true);

// A provenance that is opened closes the others, and Escape closes it.
document.addEventListener("toggle", (event) => {
  const opened = event.target;
  if (!(opened instanceof HTMLDetailsElement) || !opened.open || !opened.matches(".source-note")) return;
  document.querySelectorAll(".source-note[open]").forEach((other) => {
    if (other !== opened) other.open = false;
  });
}, true);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll(".source-note[open]").forEach((note) => {
    note.open = false;
    if (note.contains(document.activeElement)) note.querySelector("summary").focus();
  });
});

function say(text) {
  const place = document.querySelector("[data-live]");
  if (place) place.textContent = text;
}

// What is asked again and again keeps its last answer when the service does not answer.
let isLost = false;

function lost(isSo) {
  if (isLost !== isSo) say(isSo ? "The service does not answer; what you see is from before. Asking again." : "");
  isLost = isSo;
  document.documentElement.toggleAttribute("data-lost", isSo);
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target } = event.detail;
  const isWhole = target?.id === "main";
  if (xhr.status >= 500 && !isWhole) {
    event.detail.shouldSwap = false;
    lost(true);
  } else {
    lost(false);
  }
});
// Nobody is asked while nobody looks, and nothing is replaced under somebody's hands.
document.addEventListener("htmx:beforeRequest", (event) => {
  const asking = event.detail.elt;
  if (!asking.matches("[data-poll]")) return;
  const isInUse = asking.contains(document.activeElement) || asking.querySelector("details[open]");
  if (document.hidden || isInUse) event.preventDefault();
});
document.addEventListener("htmx:sendError", () => lost(true));

tellTheme();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tellTheme);

// A file is read into the field whose lines are sent: forms stay small and their tokens readable.
for (const label of document.querySelectorAll("[data-scripted]")) label.hidden = false;
document.addEventListener("htmx:afterSwap", () => {
  for (const label of document.querySelectorAll("[data-scripted]")) label.hidden = false;
});
document.addEventListener("change", async (event) => {
  const field = event.target instanceof Element ? event.target.closest("input[type=file][data-fills]") : null;
  if (field?.files.length) document.getElementById(field.dataset.fills).value = await field.files[0].text();
});
