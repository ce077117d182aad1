// Sets values as typing would: through the native setter, with the events that frameworks listen to, then reads back.
// `awaited` are selects that a script fills once another one has its value; they are waited for, `patience` ms at most.
async ({entries, awaited, patience}) => {
  const known = window[Symbol.for("fleet")]?.controls || [];
  const setter = (element, property) => {
    for (let proto = Object.getPrototypeOf(element); proto; proto = Object.getPrototypeOf(proto)) {
      const found = Object.getOwnPropertyDescriptor(proto, property);
      if (found?.set) return found.set;
    }
    return null;
  };
  const say = (element, ...names) => {
    for (const name of names)
      element.dispatchEvent(name === "input" ? new InputEvent("input", {bubbles: true, composed: true, inputType: "insertText"})
        : name.startsWith("key") ? new KeyboardEvent(name, {bubbles: true, composed: true})
        : name.startsWith("focus") || name === "blur" ? new FocusEvent(name, {bubbles: name.startsWith("focusi") || name.startsWith("focuso")})
        : new Event(name, {bubbles: true, composed: true}));
  };
  const write = (element, value) => {
    element.focus({preventScroll: true});
    if (element.isContentEditable) {
      element.textContent = value;
      return say(element, "input", "change", "focusout", "blur");
    }
    if (element.type === "checkbox" || element.type === "radio") {
      if (element.checked !== value) element.click();
      return;
    }
    if (element.tagName === "SELECT") {
      const wanted = new Set([].concat(value));
      for (const option of element.options) if (element.multiple) option.selected = wanted.has(option.value);
      if (!element.multiple) setter(element, "value").call(element, value);
      return say(element, "input", "change", "blur");
    }
    say(element, "keydown");
    setter(element, "value").call(element, value);
    say(element, "input", "keyup", "change", "focusout", "blur");
  };
  const read = element => element.isContentEditable ? element.innerText
    : element.type === "checkbox" || element.type === "radio" ? element.checked
    : element.tagName === "SELECT" && element.multiple ? [...element.selectedOptions].map(option => option.value) : element.value;

  const isReady = select => !select.isConnected || !select.disabled && select.options.length > 1;
  const ready = selects => new Promise(resolve => {
    const observer = new MutationObserver(() => selects.every(isReady) && end());
    const end = () => { observer.disconnect(); clearTimeout(timer); resolve(); };
    const timer = setTimeout(end, patience);
    for (const select of selects) observer.observe(select.getRootNode(), {childList: true, subtree: true, attributes: true});
    if (selects.every(isReady)) end();
  });
  const shape = () => known.map(element => element.isConnected && element.checkVisibility() && !element.disabled ? element.options?.length ?? 1 : 0)
    .join() + document.querySelectorAll("input,select,textarea").length;
  const before = shape();
  const errors = {};
  for (const {ref, value} of entries) {
    const element = known[ref];
    if (!element?.isConnected) { errors[ref] = "the field is gone"; continue; }
    try { write(element, value); } catch (error) { errors[ref] = String(error); }
  }
  document.activeElement?.blur?.();
  if (awaited.length) await ready(awaited.map(ref => known[ref]).filter(Boolean));
  return {
    held: Object.fromEntries(entries.map(({ref}) => [ref, known[ref]?.isConnected ? read(known[ref]) : null])),
    errors,
    is_changed: shape() !== before,
    invalid: known.flatMap((element, ref) => element.isConnected && element.willValidate && !element.validity.valid && !element.form?.noValidate
      ? [{ref, message: element.validationMessage, isMissing: element.validity.valueMissing}] : []),
  };
}
