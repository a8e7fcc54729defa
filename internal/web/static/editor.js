// The policy editor: a plain text area with line numbers, indentation by Tab, formatting, what the server finds as one types, and a
// way to the place of each finding.

const address = "/console/validate";
const indent = "    ";
const deepest = 100; // which is deeper than policies are
const pause = 500; // milliseconds without a key, after which the document is checked

for (const editor of document.querySelectorAll("[data-editor]")) edit(editor);

// Why there is no answer: too long, the session over, which leads to another page, or anything else.
function failure(asked) {
  if (asked.status === 413) return "It is longer than a policy may be.";
  if (asked.status === 200 && new URL(asked.responseURL).pathname !== address) return "Your session has ended. Sign in again in another tab.";
  return "The policy could not be checked.";
}

// JSON with a line for each member. Of its text only the white space changes: strings, numbers and keys that are there twice stay.
function indented(text) {
  JSON.parse(text);
  let depth = 0;
  let lines = "";
  let before = "";
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}:,]|[^\s"[\]{}:,]+/g)) {
    const opened = before === "{" || before === "[";
    const closes = token === "}" || token === "]";
    if (closes) depth--;
    if (closes ? !opened : opened || before === ",") lines += "\n" + indent.repeat(depth);
    if (before === ":") lines += " ";
    lines += token;
    if ((token === "{" || token === "[") && ++depth > deepest) throw new RangeError();
    before = token;
  }
  return lines;
}

// The place of the bracket that belongs to the one before or behind a place; -1 when there is none.
function partner(text, at) {
  const open = [];
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"?|[[\]{}]/g)) {
    if (token === "[" || token === "{") open.push(index);
    if (token !== "]" && token !== "}") continue;
    const begin = open.pop();
    if (begin === undefined || text[begin] + token !== "[]" && text[begin] + token !== "{}") return -1;
    if (begin === at - 1 || begin === at) return index;
    if (index === at - 1 || index === at) return begin;
  }
  return -1;
}

function edit(editor) {
  const part = (name, root = editor) => root.querySelector("[data-" + name + "]");
  const area = editor.querySelector("textarea");
  const gutter = part("gutter");
  const position = part("position");
  const match = part("match");
  let indents = false; // what Tab does here
  let timer; // until the next check
  let question; // the check that is under way

  function number() {
    const lines = area.value.split("\n").length;
    gutter.textContent = Array.from({ length: lines }, (_, n) => n + 1).join("\n");
    gutter.scrollTop = area.scrollTop;
  }

  function place() {
    const before = area.value.slice(0, area.selectionStart).split("\n");
    position.textContent = "Line " + before.length + ", column " + ([...before.at(-1)].length + 1);
    match.hidden = partner(area.value, area.selectionStart) < 0;
  }

  // The caret comes to stand outside the bracket as it did at the other: before one that opens, behind one that closes.
  function goToMatch() {
    const at = partner(area.value, area.selectionStart);
    if (at < 0) return;
    const lines = area.value.slice(0, at + (/[\]}]/.test(area.value[at]) ? 1 : 0)).split("\n");
    goTo(lines.length, [...lines.at(-1)].length + 1);
  }

  // Columns count characters, of which some take two places in a JavaScript string.
  function goTo(line, column) {
    const lines = area.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0) + [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
    area.focus();
    area.setSelectionRange(start, start);
    area.scrollTop = Math.max(0, (line - 6) * parseFloat(getComputedStyle(area).lineHeight));
    place();
  }

  function show(asked) {
    const answer = asked.response;
    const found = answer && part("findings", answer);
    part("size").textContent = found ? part("size", answer).textContent : "";
    part("summary").textContent = found ? part("summary", answer).textContent : failure(asked) + " What you typed is still here.";
    part("findings").replaceChildren(...(found?.childNodes ?? []));
  }

  // Writing as if it were typed can be undone.
  function write(text) {
    area.focus();
    if (document.execCommand("insertText", false, text)) return;
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    changed();
  }

  // The answer of a check that has been overtaken no longer counts.
  function stop() {
    clearTimeout(timer);
    question?.abort();
    question = null;
  }

  function check() {
    stop();
    const asked = (question = new XMLHttpRequest());
    asked.open("POST", address);
    asked.responseType = "document"; // nothing in it runs
    asked.onload = asked.onerror = () => asked === question && show(asked);
    asked.send(new URLSearchParams({ Field: area.name, Document: area.value }));
  }

  function changed() {
    number();
    place();
    stop();
    timer = setTimeout(check, pause);
  }

  area.addEventListener("input", changed);
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
    write(indent);
  });
  editor.addEventListener("click", (event) => {
    const link = event.target.closest("[data-line]");
    if (!link) return;
    event.preventDefault();
    goTo(Number(link.dataset.line), Number(link.dataset.column));
  });
  part("check").addEventListener("click", (event) => {
    event.preventDefault();
    part("summary").textContent = ""; // what is found is said again, also when it is the same
    check();
  });
  match.addEventListener("click", goToMatch);
  part("format").addEventListener("click", () => {
    let text;
    try {
      text = indented(area.value);
    } catch {
      return check(); // not JSON yet: the server says where
    }
    if (text === area.value) return;
    area.select();
    write(text);
    goTo(1, 1);
  });

  gutter.hidden = false;
  number();
  place();
}

document.documentElement.dataset.editor = "";
