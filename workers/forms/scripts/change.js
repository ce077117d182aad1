// Resolves as soon as the page changes what it shows, or after `patience` ms.
({patience}) => new Promise(resolve => {
  const observer = new MutationObserver(() => end(true));
  const end = changed => { observer.disconnect(); clearTimeout(timer); resolve(changed); };
  const timer = setTimeout(end, patience, false);
  observer.observe(document, {childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["class", "style", "hidden"]});
})
