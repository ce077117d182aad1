// Returns what one frame shows: every control as a person sees it, buttons, forms, texts, frames, captcha widgets.
// It returns JSON as text: Playwright takes a tree of values apart and checks it node by node, which costs more than all else.
// The elements themselves stay in the page, under a symbol, for `fill.js` and `press.js` to find by number.
async ({deadline, quiet, limit, texts: textLimit}) => {
  const CONTROLS = "input:not([type=hidden]):not([type=submit]):not([type=image]):not([type=button]):not([type=reset])," +
    "select,textarea,[contenteditable=''],[contenteditable=true]";
  const BUTTONS = "button,input[type=submit],input[type=image],input[type=button],input[type=reset],[role=button]," +
    "a[class*=btn],a[class*=button],a[onclick],a[href^='javascript:']";
  const BLOCKS = new Set(["ADDRESS", "ARTICLE", "ASIDE", "BR", "DD", "DIV", "DL", "DT", "FIELDSET", "FOOTER", "FORM", "H1", "H2", "H3",
    "H4", "H5", "H6", "HEADER", "HR", "LABEL", "LEGEND", "LI", "MAIN", "NAV", "OL", "P", "SECTION", "TABLE", "TD", "TH", "TR", "UL"]);
  const SKIPPED = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "SVG", "svg", "OPTION", "OPTGROUP", "DATALIST", "HEAD", "OBJECT"]);
  const CAPTCHAS = ".g-recaptcha,.h-captcha,.cf-turnstile,.frc-captcha,.geetest_holder,.mtcaptcha,[class*=arkose],#FunCaptcha," +
    "iframe[src*='captcha'],iframe[src*='challenges.cloudflare.com'],iframe[title*='captcha' i],img[src*='captcha' i],img[id*='captcha' i]";
  const cut = (text, length) => {   // never through the middle of a character, which takes two units of UTF-16 or one
    if (text.length > length) text = text.slice(0, /[\uD800-\uDBFF]/.test(text[length - 1]) ? length - 1 : length);
    return text.toWellFormed ? text.toWellFormed() : text;
  };
  const squeeze = text => (text || "").replace(/\s+/g, " ").trim();

  const isScripted = () => [...document.scripts].some(s => !s.type || /javascript|module|babel/.test(s.type));
  const signature = () => [...document.querySelectorAll(CONTROLS)].map(c => c.name + c.id + c.type).join("|");
  const settled = () => new Promise(resolve => {
    let before = signature(), timer = 0, observer = null;
    const end = () => { observer.disconnect(); clearTimeout(timer); clearTimeout(last); resolve(); };
    const arm = () => { clearTimeout(timer); if (before) timer = setTimeout(end, quiet); };
    const last = setTimeout(end, deadline);
    observer = new MutationObserver(() => {
      const now = signature();
      if (now !== before) { before = now; arm(); }
    });
    observer.observe(document, {childList: true, subtree: true});
    arm();
    if (!before) setTimeout(() => { if (!before && hasText()) end(); }, Math.min(deadline, 3000));
  });
  const hasText = () => document.body && squeeze(document.body.innerText).length > 40;
  const framesReady = () => Promise.all([...document.querySelectorAll("iframe[src]")].map(frame => new Promise(resolve => {
    let inside = null;
    try { inside = frame.contentDocument; } catch { return resolve(); }
    if (!inside || inside.URL !== "about:blank" && inside.readyState !== "loading") return resolve();
    if (/^(about:|javascript:|data:|$)/.test(frame.getAttribute("src")) || frame.loading === "lazy") return resolve();
    frame.addEventListener("load", resolve, {once: true});
    setTimeout(resolve, Math.min(deadline, 3000));
  })));
  if (document.readyState === "loading")
    await new Promise(resolve => { document.addEventListener("DOMContentLoaded", resolve, {once: true}); setTimeout(resolve, deadline); });
  if (isScripted()) await settled();
  await framesReady();

  const seen = new Map();
  const shows = element => {
    if (!element) return true;
    if (!seen.has(element)) seen.set(element, element.checkVisibility({opacityProperty: true, visibilityProperty: true}));
    return seen.get(element);
  };

  // One walk over the document in order, through open shadow roots: texts, controls, buttons, headings.
  const texts = [], controls = [], buttons = [], forms = [], frames = [], captchas = [];
  let heading = "", textLength = 0, hasBreak = true;
  const addText = (text) => {
    if (!text || textLength > textLimit) return;
    textLength += text.length;
    if (hasBreak || !texts.length) texts.push(text); else texts[texts.length - 1] += " " + text;
    hasBreak = false;
  };
  const walk = root => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, node =>
      SKIPPED.has(node.nodeName) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    let skipped = null;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (skipped && skipped.contains(node)) continue;
      skipped = null;
      if (node.nodeType === Node.TEXT_NODE) {
        const text = squeeze(node.data);
        if (text && shows(node.parentElement)) addText(text);
        else if (!text && node.parentElement?.tagName === "TR") hasBreak = true;
        continue;
      }
      if (BLOCKS.has(node.tagName)) hasBreak = true;
      if (/^H[1-6]$|^LEGEND$/.test(node.tagName) && shows(node)) heading = cut(squeeze(node.textContent), 200);
      if (node.tagName === "FORM") forms.push({element: node, heading, from: texts.length, until: 0});
      if (node.tagName === "IFRAME") frames.push(node);
      if (node.matches(CAPTCHAS)) captchas.push(node);
      if (node.matches(CONTROLS)) {
        if (controls.length >= limit) continue;
        controls.push({element: node, at: texts.length, heading, own: texts.length ? texts[texts.length - 1] : "", open: !hasBreak});
        hasBreak = true;
        skipped = node;
      } else if (node.matches(BUTTONS)) {
        buttons.push({element: node, at: texts.length});
        hasBreak = true;
        skipped = node;
      } else if (node.shadowRoot) walk(node.shadowRoot);
    }
    hasBreak = true;
  };
  if (document.body) walk(document.body);

  const attributesOf = element => Object.fromEntries([...element.attributes].map(a => [a.name, cut(a.value, 2000)]));
  const textOf = element => {
    if (!element) return "";
    if (!element.querySelector("input,select,textarea,button,script,style,option")) return cut(squeeze(element.textContent), 300);
    const parts = [];
    const inside = document.createTreeWalker(element, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, node =>
      SKIPPED.has(node.nodeName) || /^(SELECT|TEXTAREA|BUTTON)$/.test(node.nodeName) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    for (let node = inside.nextNode(); node; node = inside.nextNode()) if (node.nodeType === Node.TEXT_NODE) parts.push(node.data);
    return cut(squeeze(parts.join(" ")), 300);
  };
  const byIds = (element, attribute) => cut(squeeze((element.getAttribute(attribute) || "").split(/\s+/).filter(Boolean)
    .map(id => textOf(element.getRootNode().getElementById?.(id))).join(" ")), 300);
  const isTick = element => element.type === "checkbox" || element.type === "radio";

  const hiddenWhy = element => {
    if (!element.checkVisibility()) return "display";
    if (!element.checkVisibility({visibilityProperty: true})) return "visibility";
    if (!element.checkVisibility({opacityProperty: true})) return "opacity";
    const box = element.getBoundingClientRect();
    if (box.width < 3 || box.height < 3) return "size";
    if (box.right + scrollX <= 0 || box.bottom + scrollY <= 0 || box.left + scrollX > 20000 || box.top + scrollY > 1e6) return "off-screen";
    for (let parent = element.parentElement, steps = 0; parent && steps < 8; parent = parent.parentElement, steps++) {
      if (parent === document.body || parent === document.documentElement) break;
      const style = getComputedStyle(parent);
      if (style.overflowX === "visible" && style.overflowY === "visible") continue;
      const frame = parent.getBoundingClientRect();
      if (frame.width < 3 || frame.height < 3) return "clipped";
    }
    return "";
  };
  // A styled tick box, file input or select is hidden on purpose; what a person sees is its label or a widget beside it.
  const STAND_INS = ".select2,.select2-container,.choices,.chosen-container,.selectize-control,.ts-wrapper,.nice-select,.bootstrap-select";
  const standIn = element => {
    if (isTick(element) || element.type === "file") return [...(element.labels || [])].some(l => shows(l) && l.getBoundingClientRect().width > 2);
    if (element.tagName !== "SELECT") return false;
    const beside = element.nextElementSibling;
    return Boolean(beside?.matches(STAND_INS) && shows(beside) || element.closest(".choices,.bootstrap-select"));
  };

  const cellAbove = element => {
    const cell = element.closest("td"), row = cell?.parentElement;
    const above = row?.previousElementSibling?.cells?.[cell.cellIndex];
    return above && !above.querySelector("input,select,textarea") ? textOf(above) : "";
  };
  const groupLabel = element => {
    const group = element.closest("fieldset,[role=radiogroup],[role=group]");
    if (!group) return "";
    return byIds(group, "aria-labelledby") || squeeze(group.getAttribute("aria-label")) ||
      textOf([...group.children].find(child => child.tagName === "LEGEND"));
  };
  const ERRORS = "[role=alert],[class*=error i]:not(form):not(fieldset),.err,.invalid-feedback,.help-block.with-errors,[class*=invalid-msg]";
  const messagesOf = element => {
    const found = [byIds(element, "aria-errormessage")];
    if (element.getAttribute("aria-invalid") === "true") found.push(byIds(element, "aria-describedby"));
    const near = [element.nextElementSibling, element.labels?.[0]?.nextElementSibling];
    const parent = element.parentElement;
    if (parent && parent.querySelectorAll(CONTROLS).length === 1) near.push(...parent.querySelectorAll(ERRORS));
    for (const node of near) if (node?.matches?.(ERRORS) && !node.matches(CONTROLS) && shows(node)) found.push(textOf(node));
    return [...new Set(found.filter(Boolean))];
  };

  // Controls outside any form belong to the nearest surrounding element that has a button as well.
  const loose = new Map();
  const home = element => {
    if (element.form) return element.form;
    const around = element.closest("form");
    if (around) return around;
    let place = element.parentElement, steps = 0;
    for (; place && place !== document.body && steps < 30; place = place.parentElement, steps++) {
      if (place.matches("[role=form]")) return place;
      const near = [...place.querySelectorAll("button,input[type=submit],input[type=button],[role=button]")];
      if (near.some(b => !b.form && squeeze(b.innerText || b.value).length > 1 && b.type !== "reset") ) {
        if (place.querySelectorAll(CONTROLS).length > 1 || place.querySelectorAll(CONTROLS).length === 1 && steps < 4) return place;
      }
    }
    return document.body;
  };
  const indexOf = element => {
    const known = forms.findIndex(form => form.element === element);
    if (known >= 0) return known;
    if (!loose.has(element)) { loose.set(element, forms.length); forms.push({element, heading: "", from: 0, until: 0, isPseudo: true}); }
    return loose.get(element);
  };
  const homes = controls.map(control => home(control.element));
  for (let i = 0; i < homes.length; i++)   // a group inside another group is part of it
    if (homes[i].tagName !== "FORM") homes[i] = homes.find(other => other !== homes[i] && other.tagName !== "FORM" &&
      other !== document.body && other.contains(homes[i])) || homes[i];

  const describe = (control, i) => {
    const {element} = control, type = (element.type || "").toLowerCase();
    const previous = i ? controls[i - 1].at : 0, next = i + 1 < controls.length ? controls[i + 1].at : texts.length;
    const hidden = hiddenWhy(element), labels = [...(element.labels || [])].map(textOf).filter(Boolean);
    const form = indexOf(homes[i]);
    const before = texts.slice(Math.max(previous, control.at - 3), control.at).map(t => cut(t, 200));
    return {
      ref: i, form, tag: element.tagName.toLowerCase(), type: element.tagName === "INPUT" ? type : "",
      attributes: attributesOf(element), label: cut(labels.join(" "), 300), labelled_by: byIds(element, "aria-labelledby"),
      before, after: cut(texts.slice(control.at, Math.min(next, control.at + 1)).join(" "), 200), above: cellAbove(element),
      legend: cut(groupLabel(element), 200), heading: control.heading,
      options: element.tagName === "SELECT" ? [...element.options].slice(0, 6000).map(o => ({
        value: o.value, text: cut(squeeze(o.text), 200), is_disabled: o.disabled || Boolean(o.parentElement.disabled),
        is_selected: o.selected})) :
        element.list ? [...element.list.options].slice(0, 2000).map(o => ({
          value: o.value, text: cut(squeeze(o.label || o.value), 200), is_disabled: o.disabled, is_selected: false})) : [],
      value: cut("value" in element ? String(element.value ?? "") : element.innerText, 12000), is_checked: Boolean(element.checked),
      is_required: element.required === true || element.getAttribute("aria-required") === "true",
      is_disabled: element.matches(":disabled"), is_readonly: element.readOnly === true,
      max_length: element.maxLength > 0 ? element.maxLength : null, min_length: element.minLength > 0 ? element.minLength : null,
      is_visible: !hidden || standIn(element), hidden_why: hidden,
      is_aria_hidden: Boolean(element.closest("[aria-hidden=true]")),
      is_invalid: element.getAttribute("aria-invalid") === "true", messages: messagesOf(element),
    };
  };
  const described = controls.map(describe);

  const buttonText = element => squeeze(element.tagName === "INPUT" ?
    element.value || element.alt || element.title || ({submit: "Submit", reset: "Reset"})[element.type] : element.innerText || element.textContent) ||
    squeeze(element.getAttribute("aria-label") || element.title || element.querySelector("img")?.alt || element.querySelector("svg title")?.textContent);
  const buttonHome = element => {
    const own = element.form || element.closest("form");
    if (own) return indexOf(own);
    for (const [place, index] of loose) if (place !== document.body && place.contains(element)) return index;
    return loose.has(document.body) ? loose.get(document.body) : -1;
  };
  const listed = buttons.map(({element, at}, ref) => ({
    ref, form: buttonHome(element), tag: element.tagName.toLowerCase(),
    type: element.tagName === "BUTTON" || element.tagName === "INPUT" ? element.type : "",
    attributes: attributesOf(element), text: cut(buttonText(element), 120), is_visible: !hiddenWhy(element),
    is_disabled: element.matches(":disabled") || element.getAttribute("aria-disabled") === "true",
    position: controls.filter(control => control.at <= at &&
      control.element.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING).length,
  }));

  const alerts = [...document.querySelectorAll(`${ERRORS},[aria-live=assertive],.alert,.message,.notice,.flash,[class*=warning i]`)]
    .filter(element => shows(element) && !element.querySelector(CONTROLS) && !element.matches(CONTROLS)).slice(0, 40)
    .map(textOf).filter(text => text.length > 2);
  window[Symbol.for("fleet")] = {controls: controls.map(c => c.element), buttons: buttons.map(b => b.element)};
  const links = [...document.querySelectorAll("a[href]")].slice(0, 400).map(a => ({url: a.href, text: cut(squeeze(a.textContent), 120)}));
  return JSON.stringify({
    url: location.href, title: cut(document.title, 300), language: document.documentElement.lang || "", lines: texts.map(t => cut(t, 500)),
    controls: described, buttons: listed, alerts: [...new Set(alerts)], links,
    forms: forms.map((form, index) => ({
      index, is_pseudo: Boolean(form.isPseudo), attributes: form.element === document.body ? {} : attributesOf(form.element),
      heading: form.heading || (form.isPseudo ? described.find(c => c.form === index)?.heading || "" : ""),
      text: form.element === document.body ? "" : cut(squeeze(form.element.innerText), 1500),
      action: form.element.tagName === "FORM" ? String(new URL(form.element.getAttribute("action") || "", document.baseURI)) : "",
      is_validated: form.element.tagName === "FORM" && !form.element.noValidate,
    })),
    frames: frames.slice(0, 50).map(frame => {
      const box = frame.getBoundingClientRect();
      return {url: frame.src || "", title: frame.title || "", is_visible: !hiddenWhy(frame), width: box.width, height: box.height};
    }),
    captchas: captchas.map(element => ({
      kind: cut(element.className?.toString() || element.tagName, 80), is_visible: !hiddenWhy(element) ||
        element.matches(".g-recaptcha:not([data-size=invisible]),.h-captcha:not([data-size=invisible]),.cf-turnstile") && shows(element)})),
  });
}
