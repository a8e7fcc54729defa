// What the pages do beyond links and forms. Without it everything but security keys works the same.

const all = (selector, root = document) => root.querySelectorAll(selector);

// Parts that only a script can serve are hidden in the page.
for (const part of all("[data-scripted]")) part.hidden = false;

// The navigation on a narrow window.
const navigation = document.getElementById("navigation");
for (const toggle of all("[data-nav-toggle]")) {
  toggle.setAttribute("role", "button");
  toggle.setAttribute("aria-expanded", "false");
  const turn = (event) => {
    event.preventDefault();
    toggle.setAttribute("aria-expanded", String(navigation.toggleAttribute("data-open")));
  };
  toggle.addEventListener("click", turn);
  toggle.addEventListener("keydown", (event) => event.key === " " && turn(event));
}

// Menus close on Escape and on a click elsewhere.
for (const menu of all("details.ts-menu")) {
  addEventListener("click", (event) => menu.contains(event.target) || (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

// Messages can be dismissed.
for (const button of all("[data-dismiss]")) {
  button.addEventListener("click", () => button.closest(".ts-alert").remove());
}

// Copy buttons say so when they have copied.
const announcer = document.getElementById("announcer");
for (const button of all("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    announcer.textContent = "Copied";
    button.querySelector("[data-text]").textContent = "Copied";
  });
}

// "Show password" turns its fields into plain text.
for (const box of all("[data-shows]")) {
  box.addEventListener("change", () => {
    for (const id of box.dataset.shows.split(" ")) document.getElementById(id).type = box.checked ? "text" : "password";
  });
}

// The rules of a password are ticked as it is typed. The server has the last word.
const kinds = (text) => [/[A-Z]/, /[a-z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((kind) => kind.test(text)).length;
const rules = {
  length: (text) => [...text].length >= 8 && [...text].length <= 128,
  kinds: (text) => kinds(text) >= 3,
  match: (text, other) => text !== "" && text === other,
};
for (const list of all("[data-rules]")) {
  const [field, again] = list.dataset.rules.split(" ").map((id) => document.getElementById(id));
  const check = () => {
    for (const item of all("[data-rule]", list)) item.dataset.met = String(rules[item.dataset.rule](field.value, again?.value));
  };
  field.addEventListener("input", check);
  again?.addEventListener("input", check);
}

// Buttons that act on the selected row wait for a selection.
// What belongs to such a form stands in the table beside it.
const selectedOf = (form) => [...form.elements].find((element) => element.type === "radio" && element.checked);
for (const form of all("form[data-selection]")) {
  const parts = [...form.elements];
  const update = () => {
    for (const part of parts) if ("needsSelection" in part.dataset) part.setAttribute("aria-disabled", String(!selectedOf(form)));
  };
  for (const part of parts) part.addEventListener("change", update);
  form.addEventListener("submit", (event) => {
    if (event.submitter?.getAttribute("aria-disabled") === "true") {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  });
  update();
}

// A confirmation is a dialog here, and a page without the script: the form that leads to the page opens the dialog instead.
for (const form of all("form[data-dialog]")) {
  const dialog = document.getElementById(form.dataset.dialog);
  form.addEventListener("submit", (event) => {
    const selected = selectedOf(form);
    if (event.defaultPrevented || !selected) return;
    event.preventDefault();
    const field = dialog.querySelector("input[name='" + selected.name + "']");
    field.value = selected.value;
    for (const part of all("[data-selected]", dialog)) part.textContent = selected.dataset[part.dataset.selected];
    dialog.showModal();
  });
}
for (const button of all("[data-close]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    button.closest("dialog").close();
  });
}

// A form is sent once.
addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "true";
  for (const button of all("button[type=submit]", form)) button.setAttribute("aria-disabled", "true");
  // A download leaves the page as it is.
  if (form.hasAttribute("data-download")) setTimeout(() => unsent(form), 1000);
});
function unsent(form) {
  delete form.dataset.sent;
  for (const button of all("button[type=submit]", form)) button.removeAttribute("aria-disabled");
}
addEventListener("pageshow", (event) => event.persisted && all("form[data-sent]").forEach(unsent));

// Times also say how long ago they are.
const spans = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
const ago = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
for (const time of all("time[data-relative]")) {
  const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
  const [unit, size] = spans.find(([, size]) => Math.abs(seconds) >= size) ?? ["minute", 60];
  time.title = time.textContent;
  time.textContent = Math.abs(seconds) < 60 ? "just now" : ago.format(Math.trunc(seconds / size), unit);
}

// A page that shows a secret once leaves an address at which it is not shown again.
const once = document.querySelector("[data-replace-url]");
if (once) {
  history.replaceState(null, "", once.dataset.replaceUrl);
  // Nor does Back show it: browsers keep whole pages, whatever their Cache-Control says.
  addEventListener("pageshow", (event) => event.persisted && location.replace(once.dataset.replaceUrl));
}

// A warning comes two minutes before the session ends.
const ending = document.getElementById("session-ending");
if (ending) {
  let timer;
  const watch = (seconds) => {
    clearTimeout(timer);
    ending.hidden = true;
    timer = setTimeout(() => (ending.hidden = false), Math.max(0, seconds - 120) * 1000);
  };
  watch(Number(ending.dataset.seconds));
  ending.querySelector("button").addEventListener("click", async () => {
    const answer = await fetch("/console/session", { headers: { Accept: "application/json" } });
    if (answer.ok) watch((await answer.json()).seconds);
    else location.reload();
  });
}

document.documentElement.dataset.app = "";
