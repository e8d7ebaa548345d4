// Makes the shop's pages smoother. Everything works without it.
"use strict";
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Pages are the same for all visitors, so the number in the cart comes from a cookie.
  const count = () => {
    const found = document.cookie.match(/(?:^|; )cart_count=(\d+)/);
    const number = found ? Number(found[1]) : 0;
    all("[data-cart-count]").forEach((place) => { place.textContent = number ? String(Math.min(number, 999)) : ""; });
  };

  // A form that is on its way is not sent again.
  const sent = new WeakSet();
  const hold = (form) => {
    sent.add(form);
    form.setAttribute("aria-busy", "true");
  };
  const release = () => all("form[aria-busy]").forEach((form) => {
    sent.delete(form);
    form.removeAttribute("aria-busy");
  });

  // Replaces a part of this page by the same part of another one; who was in a field stays there, and what was typed
  // since the other page was asked for stays, too.
  const replace = (page, id, asked) => {
    const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (!old || !fresh) return false;
    if (asked) all("input:not([type=radio], [type=checkbox]), textarea", old).forEach((field) => {
      const again = page.getElementById(field.id);
      if (again && field.value !== (asked.get(field.name) ?? "")) again.value = field.value;
    });
    const at = document.activeElement?.id;
    // What was written while the answer was on its way stays.
    all("input[id]:not([type=radio]):not([type=number])", old).forEach((field) => {
      const same = one(`#${CSS.escape(field.id)}`, fresh);
      if (same) same.value = field.value;
    });
    old.replaceWith(document.adoptNode(fresh));
    const again = at && document.getElementById(at);
    if (again) again.focus({ preventScroll: true });
    return true;
  };

  const read = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");

  let latest = 0;
  const send = async (form, fields) => {
    const turn = (latest += 1);
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: fields, credentials: "same-origin" });
    const page = await read(answer);
    return turn === latest ? { answer, page } : null;
  };

  // A line of the cart: the cart's part of the page follows.
  const live = async (form, button) => {
    const fields = new URLSearchParams(new FormData(form));
    if (button?.name) fields.set(button.name, button.value);
    hold(form);
    try {
      const told = await send(form, fields);
      if (told && !replace(told.page, form.dataset.live)) location.assign(told.answer.url);
    } catch {
      HTMLFormElement.prototype.submit.call(form);
    }
    count();
  };

  // The checkout: fields, ways to send and totals follow the country and what is chosen.
  const update = async (form) => {
    const fields = new URLSearchParams(new FormData(form));
    fields.set("action", form.dataset.totals);
    try {
      const told = await send(form, fields);
      if (!told) return;
      if (!one("#checkout", told.page)) return location.assign(told.answer.url);
      ["address", "ways", "totals", "phone-hint"].forEach((id) => replace(told.page, id, fields));
      ["expected_total", "once"].forEach((name) => { form.elements[name].value = one(`[name=${name}]`, told.page).value; });
      const status = one("[data-told]");
      if (status) status.textContent = status.textContent + " ";
    } catch {
      // The button that places the order tells what has changed.
    }
  };

  // A product: price, stock and picture follow the choice.
  const choose = () => {
    const product = one("[data-variants]");
    if (!product?.dataset.variants) return;
    const variants = JSON.parse(product.dataset.variants);
    const form = one(".buy", product);
    const chosen = all(".option", form).map((option) => one("input:checked", option)?.value);
    const variant = variants.find((known) => known.values.every((value, index) => value === chosen[index]));
    const put = (name, text) => { one(`[data-${name}]`, product).textContent = text; };
    put("price", variant?.price ?? "");
    put("left", variant?.left ?? product.dataset.notMade);
    put("sku", variant?.sku ?? "");
    one("[data-left]", product).classList.toggle("gone", variant?.gone ?? true);
    const before = one("[data-before]", product);
    before.hidden = !variant?.before;
    before.lastElementChild.textContent = variant?.before ?? "";
    one("[data-buy]", product).disabled = !variant?.buy;
    const picture = variant?.image && all(".pictures img", product).find((image) => image.getAttribute("src") === variant.image);
    if (picture && picture !== picture.parentNode.firstElementChild) picture.parentNode.prepend(picture);
  };

  // An order: the page follows what happens to it.
  const follow = () => {
    const order = one("#order[data-events]");
    if (!order || !window.EventSource) return;
    const source = new EventSource(order.dataset.events);
    const look = async () => {
      const answer = await fetch(order.dataset.here, { credentials: "same-origin" });
      if (answer.ok) replace(await read(answer), "order");
    };
    source.addEventListener("changed", () => { look().catch(() => {}); });
    source.addEventListener("error", () => {
      // Too many listen: look again every now and then.
      if (source.readyState === EventSource.CLOSED) setInterval(() => { look().catch(() => {}); }, 15000);
    });
    addEventListener("pagehide", () => source.close());
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method") !== "post" || event.defaultPrevented) return;
    if (sent.has(form)) return event.preventDefault();
    if (form.dataset.live) {
      event.preventDefault();
      live(form, event.submitter);
    } else {
      hold(form);
    }
  });
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (!form) return;
    if ("onChange" in form.dataset) form.requestSubmit();
    else if ("update" in event.target.dataset) update(form);
    else if (form.matches(".buy")) choose();
  });
  addEventListener("pageshow", () => { release(); count(); choose(); });
  if (matchMedia("(min-width: 64rem)").matches) all("[data-open-wide]").forEach((part) => { part.open = true; });
  count();
  follow();
})();
