// Small comforts; every page works without them.
const isTyping = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const isPlain = (event) => !event.ctrlKey && !event.metaKey && !event.altKey;

document.addEventListener("keydown", (event) => {
  const search = document.querySelector("[data-find]");
  if (event.key === "/" && search && !isTyping(event.target) && isPlain(event)) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

// What was unfolded folds again, and the keyboard is where it was unfolded.
document.addEventListener("keydown", (event) => {
  const unfolded = event.target.closest?.("details[open]");
  if (event.key !== "Escape" || !unfolded) return;
  unfolded.open = false;
  unfolded.querySelector("summary").focus();
});

// A filter that was left empty has no place in the address.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-lean]")) return;
  for (const field of event.target.elements) {
    if (field.name && field.value === "") field.disabled = true;
  }
});

// Coming back by the browser's button finds every field as it was.
window.addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form[data-lean] :disabled")) field.disabled = false;
});

// In a row that is drawn sideways, the page at hand is in sight.
for (const current of document.querySelectorAll("nav [aria-current]")) {
  const row = current.closest("nav");
  const [place, around] = [current.getBoundingClientRect(), row.getBoundingClientRect()];
  row.scrollLeft += place.left - around.left - (around.width - place.width) / 2;
}
