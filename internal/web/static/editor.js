// The policy editor: a plain text area with line numbers, indentation by Tab, formatting, and a way to the line of a fault.

const area = document.querySelector("textarea[data-editor]");
const gutter = document.querySelector("[data-gutter]");
const position = document.querySelector("[data-position]");
let indents = false; // what Tab does here

function lineStart(line) {
  let start = 0;
  for (let n = 1; n < line; n++) {
    const end = area.value.indexOf("\n", start);
    if (end < 0) break;
    start = end + 1;
  }
  return start;
}

function number() {
  const lines = area.value.split("\n").length;
  gutter.textContent = Array.from({ length: lines }, (_, n) => n + 1).join("\n");
  gutter.scrollTop = area.scrollTop;
}

function place() {
  const before = area.value.slice(0, area.selectionStart).split("\n");
  position.textContent = "Line " + before.length + ", column " + (before.at(-1).length + 1) +
    " · " + area.value.replace(/\s/g, "").length + " characters without white space";
}

function goTo(line, column) {
  const start = lineStart(line) + column - 1;
  area.focus();
  area.setSelectionRange(start, start);
  area.scrollTop = Math.max(0, (line - 6) * parseFloat(getComputedStyle(area).lineHeight));
  place();
}

area.addEventListener("input", () => { number(); place(); });
area.addEventListener("scroll", () => (gutter.scrollTop = area.scrollTop));
area.addEventListener("keyup", place);
area.addEventListener("click", () => { indents = true; place(); });
area.addEventListener("blur", () => (indents = false));
// Tab indents once one writes here, that is after a click or Enter. Before, and after Escape, it leaves the field, so that the
// keyboard is not trapped.
area.addEventListener("keydown", (event) => {
  if (event.key === "Enter") indents = true;
  if (event.key === "Escape") indents = false;
  if (event.key !== "Tab" || event.shiftKey || !indents) return;
  event.preventDefault();
  area.setRangeText("    ", area.selectionStart, area.selectionEnd, "end");
  number();
});

for (const link of document.querySelectorAll("[data-line]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    goTo(Number(link.dataset.line), Number(link.dataset.column));
  });
}
document.querySelector("[data-format]").addEventListener("click", () => {
  try {
    area.value = JSON.stringify(JSON.parse(area.value), null, 4);
  } catch {
    // Not JSON yet: the server says where.
  }
  number();
  place();
});

gutter.hidden = false;
number();
place();
document.documentElement.dataset.editor = "";
