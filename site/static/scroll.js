// What is wider than the page can be scrolled with the keyboard too.
const reach = () => {
  for (const wide of document.querySelectorAll(".bd-article :is(div.math, table, pre)")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
  }
};
addEventListener("load", reach);
addEventListener("resize", reach);
