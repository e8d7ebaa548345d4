// Finds what a person would use, by what it is and what it is called; the first that can be used, in the page's order.
const [kind, pattern, isWhole] = arguments;
const KINDS = {
  button: 'button, input[type=submit], input[type=button], input[type=image], [role=button], summary',
  link: 'a[href]',
  press: 'button, input[type=submit], input[type=button], [role=button], summary, a[href]',
  field: 'input:not([type=hidden], [type=submit], [type=button], [type=image], [type=radio], [type=checkbox]), textarea, select',
  choice: 'input[type=radio], input[type=checkbox], [role=radio], [role=checkbox], [role=switch]',
  heading: 'h1, h2, h3, h4, h5, h6, [role=heading]',
};
const tidy = (text) => (text ?? '').replace(/\s+/g, ' ').trim();
const shown = (element) => {
  const pictures = [...element.querySelectorAll('img[alt], [aria-label]')];
  return tidy([element.innerText, ...pictures.map((one) => one.alt ?? one.ariaLabel)].join(' '));
};
const nameOf = (element) => {
  const by = element.getAttribute('aria-labelledby');
  if (by) return tidy(by.split(/\s+/).map((id) => document.getElementById(id)?.textContent).join(' '));
  if (element.ariaLabel) return tidy(element.ariaLabel);
  if (element.labels?.length) return tidy([...element.labels].map(shown).join(' '));
  if (element.matches('input[type=submit], input[type=button]')) return tidy(element.value);
  if (element.matches('input, textarea, select')) return tidy(element.title || element.placeholder);
  return shown(element) || tidy(element.textContent) || tidy(element.title);
};
const wanted = new RegExp(isWhole ? `^(?:${pattern})$` : pattern, 'iu');
// A choice may be drawn by its label alone.
const isSeen = (element) =>
  element.checkVisibility({ visibilityProperty: true }) &&
  !element.closest('[inert], [aria-hidden=true]') &&
  (element.getClientRects().length > 0 || kind === 'choice');
// While a dialog is open, nothing else on the page can be used.
const dialogs = [...document.querySelectorAll('dialog:modal')];
return [...(dialogs.at(-1) ?? document).querySelectorAll(KINDS[kind])].filter(
  (element) => !element.disabled && isSeen(element) && wanted.test(nameOf(element)),
);
