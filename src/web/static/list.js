// The list of the panel: what is typed filters it, keys walk through it, ticks choose from it.
const PLACE = "row";
const isField = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const rows = () => [...document.querySelectorAll("a[data-row]")];

// --- parts that are exchanged ------------------------------------------------------------

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  for (const [name, value] of [...ctx.request.body]) if (value === "") ctx.request.body.delete(name);
});

// What is no part of a page, such as a sign-in that has ended, is a page of its own.
document.addEventListener("htmx:before:response", (event) => {
  const { request, response } = event.detail.ctx;
  if (response.raw.ok && !response.raw.redirected) return;
  event.preventDefault();
  location.assign(request.method === "GET" ? request.action : location.href);
});

// Back leaves the list that was typed for at once, not letter by letter.
let typed = false;
document.addEventListener("htmx:before:history:update", ({ detail }) => {
  if (typed) detail.history.type = "replace";
  typed = true;
});
document.addEventListener("focusout", (event) => {
  if (event.target.matches?.("[data-find]")) typed = false;
});

// The other forms of the page ask for what is typed, too.
document.addEventListener("htmx:after:swap", () => {
  const text = document.querySelector("[data-find]").value;
  for (const form of document.querySelectorAll(".filters form")) {
    const field = form.querySelector("[name=q]") || form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name: "q" }));
    field.value = text;
    field.disabled = text === "";
  }
  count();
});

// --- choosing ---------------------------------------------------------------------------

const ticks = () => [...document.querySelectorAll("#chosen input.tick")];

function count() {
  const form = document.getElementById("chosen");
  if (!form) return;
  const ticked = ticks().filter((box) => box.checked).length;
  const many = form.elements.who.value === "ticked" ? ticked : form.dataset.all;
  for (const label of form.querySelectorAll("[data-many]")) label.textContent = `(${many})`;
  form.querySelector("[data-ticked]").textContent = `(${ticked})`;
}

document.addEventListener("change", (event) => {
  const form = event.target.closest?.("#chosen");
  if (!form) return;
  if (event.target.matches(".tick")) form.elements.who.value = ticks().some((box) => box.checked) ? "ticked" : "all";
  count();
});

// A file of those who are ticked.
document.addEventListener("submit", (event) => {
  if (event.target.id !== "export") return;
  for (const old of event.target.querySelectorAll("[name=member]")) old.remove();
  if (document.getElementById("chosen").elements.who.value !== "ticked") return;
  for (const box of ticks().filter((one) => one.checked)) {
    event.target.append(Object.assign(document.createElement("input"), { type: "hidden", name: "member", value: box.value }));
  }
});

// --- walking ----------------------------------------------------------------------------

const STEPS = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 };

document.addEventListener("keydown", (event) => {
  if (isField(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = rows();
  const row = event.target.closest?.("tr");
  const place = all.findIndex((link) => row?.contains(link));
  const isArrow = event.key.startsWith("Arrow");
  if (event.key in STEPS && all.length && !(isArrow && place < 0) && event.target.type !== "radio") {
    event.preventDefault();
    all[Math.min(Math.max(place + STEPS[event.key], 0), all.length - 1)].focus();
  } else if (event.key === "x" && place >= 0) {
    row.querySelector(".tick")?.click();
  } else if (event.key === "u") {
    document.querySelector("[data-undo]")?.click();
  }
});

// Back from somebody's page, the keyboard is where it was.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-row]");
  if (link) sessionStorage.setItem(PLACE, link.id);
});
window.addEventListener("pageshow", (event) => {
  const isBack = event.persisted || performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  if (isBack) document.getElementById(sessionStorage.getItem(PLACE))?.focus();
  count();
});

// --- undoing ----------------------------------------------------------------------------

// It goes after its time, but not from under a hand that is on it.
for (const act of document.querySelectorAll(".act[data-seconds]")) {
  const leave = () => {
    if (act.matches(":hover") || act.querySelector(":focus")) return setTimeout(leave, 1000);
    return act.remove();
  };
  setTimeout(leave, act.dataset.seconds * 1000);
}
