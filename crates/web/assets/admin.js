// What makes staff's pages smoother; every one of them works without it.
// It does not know what a form does: it shows the same pages in other places.
'use strict';
(() => {
  const at = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const isTyping = (element) => element.closest('input, select, textarea, [contenteditable], dialog') !== null;

  // A deed's page over the page where one stands. When it cannot be fetched, the link does what links do.
  const sheetOf = async (link) => {
    const answer = await fetch(link.href, { credentials: 'same-origin', headers: { accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const form = at('form.sheet', page);
    if (!answer.ok || answer.redirected || form === null) throw new Error('no sheet');
    const dialog = document.createElement('dialog');
    dialog.setAttribute('aria-labelledby', 'sheet-title');
    const title = document.createElement('h2');
    title.id = 'sheet-title';
    title.textContent = at('main h1', page).textContent;
    dialog.append(title, document.adoptNode(form));
    dialog.addEventListener('close', () => { dialog.remove(); link.focus(); });
    dialog.addEventListener('click', (event) => {
      if (event.target.closest('[data-close]') === null && event.target !== dialog) return;
      event.preventDefault();
      dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
    at('input:not([type=hidden]), select, textarea, button', form)?.focus();
  };
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-sheet]');
    if (link === null || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    sheetOf(link).catch(() => { location.href = link.href; });
  });

  // The second click of a double click finds the button asleep. The server would do nothing twice, either.
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (form.method !== 'post') return;
    if (form.dataset.sent === 'yes') { event.preventDefault(); return; }
    form.dataset.sent = 'yes';
    setTimeout(() => all('button', form).forEach((button) => { button.disabled = true; }));
  });
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });

  // Filters act when they are changed.
  document.addEventListener('change', (event) => {
    const form = event.target.closest('form[data-live]');
    if (form !== null && event.target.matches('select')) form.requestSubmit();
    const box = event.target.closest('[data-select-all]');
    if (box !== null) {
      all('input[name="' + box.dataset.selectAll + '"]').forEach((other) => { other.checked = box.checked; });
    }
    if (event.target.matches('[type=checkbox]')) countSelected();
  });
  const countSelected = () => {
    const bar = at('[data-bulk]');
    if (bar === null) return;
    const chosen = all('input[name="' + bar.dataset.bulk + '"]:checked').length;
    bar.classList.toggle('idle', chosen === 0);
    const count = at('[data-count]', bar);
    if (count !== null) count.textContent = chosen === 0 ? '' : String(chosen);
  };
  countSelected();

  // `/` searches, `j` and `k` walk along a list.
  document.addEventListener('keydown', (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
    if (event.key === '/') {
      const field = at('[data-search]');
      if (field !== null) { event.preventDefault(); field.focus(); field.select(); }
    }
    if (event.key === 'j' || event.key === 'k') {
      const rows = all('a[data-row]');
      const here = rows.indexOf(document.activeElement);
      const next = rows[event.key === 'j' ? here + 1 : Math.max(here - 1, 0)];
      if (next !== undefined) { event.preventDefault(); next.focus(); }
    }
  });

  // On a narrow screen the rail lies over the page; on a wide one it stands beside it and is no popover.
  const rail = at('#rail');
  const wide = matchMedia('(min-width: 60rem)');
  const settle = () => { if (rail !== null) wide.matches ? rail.removeAttribute('popover') : rail.setAttribute('popover', ''); };
  wide.addEventListener('change', settle);
  settle();

  // The slider: the order as it was, on the same page. What happened later is dimmed; nothing can be done to the past.
  const slider = at('[data-slider]');
  if (slider !== null) {
    const input = at('input', slider);
    const output = at('output', slider);
    const facts = all('.timeline li[data-index]');
    const last = Number(input.max);
    let wanted = 0;
    const name = () => {
      const fact = facts[Number(input.value) - 1];
      const isNow = Number(input.value) === last;
      output.textContent = isNow ? at('#order').dataset.now : fact.dataset.title + ', ' + at('time', fact).textContent;
      input.setAttribute('aria-valuetext', output.textContent);
    };
    const look = async () => {
      const turn = ++wanted;
      const index = Number(input.value);
      const fact = facts[index - 1];
      const url = index === last ? location.pathname : location.pathname + '?at=' + encodeURIComponent(fact.dataset.at);
      const answer = await fetch(url, { credentials: 'same-origin' });
      if (!answer.ok || answer.redirected) { location.href = url; return; }
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      // Somebody who moves on does not wait for where they were.
      if (turn !== wanted) return;
      ['.head', '#order'].forEach((part) => at('main ' + part).replaceWith(document.adoptNode(at('main ' + part, page))));
      facts.forEach((other, n) => {
        other.classList.toggle('later', n >= index);
        other.classList.toggle('here', n === index - 1 && index !== last);
      });
      history.replaceState(null, '', url);
    };
    let pause;
    input.addEventListener('input', () => { name(); clearTimeout(pause); pause = setTimeout(look, 60); });
    slider.hidden = false;
    name();
  }

  at('button[data-print]')?.addEventListener('click', () => print());

  // Products, categories, stock, settings: buttons that add, remove and move rows work in place, and pictures are uploaded
  // when they are chosen. Without this the same buttons bring the same form.
  const inPlace = async (form, button) => {
    const data = new FormData(form, button);
    const body = form.enctype === 'multipart/form-data' ? data : new URLSearchParams(data);
    const answer = await fetch(form.action, { method: 'POST', body, credentials: 'same-origin', headers: { accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const next = at('form[data-rows]', page);
    if (answer.redirected || next === null) throw new Error('no form');
    const known = new Set(all('input, select, textarea', form).map((field) => field.name));
    const place = button.value;
    form.replaceWith(document.adoptNode(next));
    const added = all('input:not([type=hidden], [type=file], [type=checkbox], [type=radio])', next).find((field) => !known.has(field.name));
    const same = all('button', next).find((other) => other.value === place);
    (added ?? same ?? at('input[type=file]', next))?.focus({ preventScroll: added === undefined });
  };
  document.addEventListener('submit', (event) => {
    const [form, button] = [event.target, event.submitter];
    if (!form.matches('form[data-rows]:not([data-plain])') || button === null || button.name !== 'do' || button.value === 'save') return;
    event.preventDefault();
    event.stopImmediatePropagation();
    form.setAttribute('aria-busy', 'true');
    inPlace(form, button).catch(() => { form.dataset.plain = 'yes'; form.requestSubmit(button); });
  }, true);
  document.addEventListener('change', (event) => {
    const field = event.target;
    if (field.type !== 'file' || field.files.length === 0) return;
    const button = field.form.matches('form[data-rows]') ? all('button', field.form).find((other) => other.value === 'upload') : undefined;
    if (button !== undefined) field.form.requestSubmit(button);
  });

  // Who else has this page open: asked again from time to time, and told when somebody goes.
  const beside = at('[data-presence]');
  if (beside !== null) {
    const look = async () => {
      const answer = await fetch(beside.dataset.presence, { credentials: 'same-origin' });
      if (!answer.ok || answer.redirected) return;
      const now = at('[data-presence]', new DOMParser().parseFromString(await answer.text(), 'text/html'));
      // What says the same again is not read out again.
      if (now !== null && now.innerHTML !== beside.innerHTML) beside.replaceChildren(...document.adoptNode(now).childNodes);
    };
    setInterval(() => look().catch(() => {}), 20000);
    document.addEventListener('visibilitychange', () => { if (!document.hidden) look().catch(() => {}); });
    addEventListener('pagehide', () => {
      const asked = new URL(beside.dataset.presence, location.href);
      navigator.sendBeacon(asked.pathname + '/leave', asked.searchParams);
    });
  }

  // What is under way is looked at again until it is done.
  const poll = async () => {
    const there = at('[data-poll]');
    if (there === null) return;
    const answer = await fetch(there.dataset.poll, { credentials: 'same-origin' });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const next = at('#' + there.id, page);
    if (!answer.ok || next === null) return;
    there.replaceWith(document.adoptNode(next));
    const [tag, now] = [at('main h1 .tag'), at('main h1 .tag', page)];
    if (tag !== null && now !== null) tag.replaceWith(document.adoptNode(now));
    setTimeout(() => poll().catch(() => {}), 1500);
  };
  setTimeout(() => poll().catch(() => {}), 1000);
})();
