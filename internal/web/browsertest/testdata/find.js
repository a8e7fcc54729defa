// What a test names is found by the words on the page, as a person finds it: (kind, name) is where it is, or why it is not there.
(kind, name) => {
  const root = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
  const words = (text) => text.replace(/\s+/g, " ").trim();
  const shown = (e) => e.checkVisibility({ visibilityProperty: true });
  const nameOf = (e) => words(e.getAttribute("aria-label") ?? e.innerText);
  const labelled = () => {
    const label = [...root.querySelectorAll("label")].find((l) => l.control && words(l.innerText).replace(/ – optional$/, "") === name);
    return label?.control ?? root.querySelector("[aria-label='" + CSS.escape(name) + "']");
  };
  // What is in the page's main part comes before a link of the same name around it.
  const pressable = () => {
    const all = [...root.querySelectorAll("button, a[href], summary, [role=button]")].filter((e) => shown(e) && nameOf(e) === name);
    return all.find((e) => e.closest("main, dialog")) ?? all[0];
  };
  const e = kind === "field" ? labelled() : pressable();
  if (!e || !shown(e)) return null;
  e.scrollIntoView({ block: "center", behavior: "instant" });
  const box = e.getClientRects()[0];
  const x = box.x + box.width / 2, y = box.y + box.height / 2;
  const top = document.elementFromPoint(x, y);
  if (top !== e && !e.contains(top) && !e.labels?.length) return null;
  if (kind === "field") {
    e.focus();
    if (e.select) e.select();
  }
  return { x, y, type: e.type ?? "", checked: !!e.checked };
}
