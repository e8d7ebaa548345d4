// The elements that reach beyond the window, outermost first; none when the page fits.
const [slack] = arguments;
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth <= width + slack) return [];
const scrolls = (element) => {
  for (let above = element.parentElement; above && above !== document.body; above = above.parentElement) {
    if (/auto|scroll|hidden|clip/.test(getComputedStyle(above).overflowX)) return true;
  }
  return false;
};
// Text may be wider than the box that holds it.
const end = (element) => {
  const box = element.getBoundingClientRect();
  return scrollX + Math.max(box.right, getComputedStyle(element).overflowX === 'visible' ? box.left + element.scrollWidth : 0);
};
const reaching = [...document.body.querySelectorAll('*')].filter(
  (element) => end(element) > width + slack && !scrolls(element),
);
const told = reaching
  .slice(0, 8)
  .map((element) => `${element.outerHTML.slice(0, 120)} ends at ${Math.round(end(element))} of ${width}`);
return told.length ? told : [`the page is ${document.documentElement.scrollWidth} wide, the window ${width}`];
