// What has the focus, what it is called, and whether that can be seen.
const element = document.activeElement ?? document.body;
const tidy = (text) => (text ?? '').replace(/\s+/g, ' ').trim();
const by = element.getAttribute('aria-labelledby');
const own = element.labels?.length ? [...element.labels].map((one) => one.innerText || one.textContent).join(' ') : '';
const referred = by?.split(/\s+/).map((id) => document.getElementById(id)?.textContent).join(' ');
const isButton = element.matches('input[type=submit], input[type=button]');
const shown = element === document.body ? '' : element.innerText || element.querySelector('img')?.alt;
const name = referred || element.ariaLabel || own || (isButton && element.value) || shown || element.placeholder || '';
const looks = (one) => {
  const { outlineStyle, outlineWidth, outlineColor, boxShadow, backgroundColor, borderColor, color, textDecorationLine } = getComputedStyle(one);
  const outline = outlineStyle === 'none' || outlineWidth === '0px' ? 'none' : [outlineStyle, outlineWidth, outlineColor];
  const { top, left, width } = one.getBoundingClientRect();
  return JSON.stringify([top, left, width, outline, boxShadow, backgroundColor, borderColor, color, textDecorationLine]);
};
// A choice that is drawn by its label shows the focus there.
const drawn = [element, ...(element.labels ?? []), ...(element.labels?.[0]?.children ?? []), element.nextElementSibling, element.parentElement];
const seen = drawn.filter(Boolean);
const focused = seen.map(looks);
element.blur();
const blurred = seen.map(looks);
element.focus({ preventScroll: true, focusVisible: true });
const is_visible = focused.some((look, at) => look !== blurred[at]);
return { tag: element.localName, kind: element.type ?? '', name: tidy(name), is_visible };
