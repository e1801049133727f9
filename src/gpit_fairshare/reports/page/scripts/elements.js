/* Elements of the page: new ones, and those that are drawn again only while they can be seen. */

const PAUSE = 200;

/** Return a new element with attributes, and with texts and elements inside it; an empty class is left out. */
function makeElement(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name !== "class" || value) element.setAttribute(name, value);
  }
  element.append(...content);
  return element;
}

/**
 * Return a function that draws what an element shows: at once while it is in the window, else when it comes into it, or
 * once moves pause. A move of the what-if then takes a third of the time.
 */
function drawnWhenSeen(element, draw) {
  let isSeen = true;
  let timer = 0;
  const drawNow = () => {
    clearTimeout(timer);
    timer = 0;
    draw();
  };
  new IntersectionObserver((entries) => {
    isSeen = entries[entries.length - 1].isIntersecting;
    if (isSeen && timer) drawNow();
  }).observe(element);
  window.addEventListener("beforeprint", () => timer && drawNow());
  return () => {
    clearTimeout(timer);
    if (isSeen) drawNow();
    else timer = setTimeout(drawNow, PAUSE);
  };
}
