// Follows an app while something is under way: the page is the same without it, it only has to be reloaded.
// The page is fetched anew at each word from the box, and its living part put in the old one's place.
(() => {
  "use strict";
  const live = document.getElementById("live");
  if (!live || !live.dataset.live || !window.EventSource) return;
  const told = document.getElementById("told");
  const source = new EventSource(live.dataset.live);
  let asking = false;
  let again = false;

  const look = () => {
    if (asking) { again = true; return; }
    asking = true;
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.timeout = 20000;
    request.onloadend = () => {
      asking = false;
      if (request.status === 404) { source.close(); location.assign("/"); return; }
      const fresh = request.response && request.response.getElementById("live");
      if (fresh) show(fresh);
      if (again) { again = false; look(); }
    };
    request.send();
  };

  const show = (fresh) => {
    if (!fresh.dataset.live) { source.close(); location.reload(); return; }
    const words = (at) => (at.querySelector("[aria-current] > span") || at.querySelector("h1")).textContent;
    const before = words(live);
    const held = document.activeElement && live.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    live.replaceChildren(...Array.from(fresh.childNodes, (node) => document.importNode(node, true)));
    if (held) {
      const same = Array.from(live.querySelectorAll("a")).find((link) => link.getAttribute("href") === held);
      if (same) same.focus({ preventScroll: true });
    }
    if (words(live) !== before) told.textContent = words(live);
  };

  source.addEventListener("change", look);
  // The stream ends now and then, and the browser asks again by itself. When it gives up, start afresh.
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 10000);
  };
})();

// Says which address comes of what is typed; the page says the same beforehand, as an example.
(() => {
  "use strict";
  const field = document.getElementById("host");
  const told = document.getElementById("host-result");
  if (!field || !told) return;
  let waits = 0;
  const tell = () => {
    const word = field.value.trim().toLowerCase();
    const whole = word.includes(".") ? word : word + told.dataset.domain;
    const sound = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/.test(whole);
    told.textContent = sound ? told.dataset.words + " https://" + whole : "";
    told.hidden = !sound;
  };
  // Once typing rests, so that a screen reader is not told of every letter.
  field.addEventListener("input", () => { clearTimeout(waits); waits = setTimeout(tell, 400); });
  tell();
})();
