// Builds and changes elements. Text is only ever set as text: what a key holds cannot become markup.

const svgNames = new Set(['svg', 'path', 'circle', 'rect', 'line', 'g', 'text', 'title', 'polyline', 'polygon', 'ellipse']);

/** Makes an element: attributes, `on…` handlers, `hue` (a CSS colour for --hue), `data` and children. */
export function h(name, attributes, ...children) {
  const element = svgNames.has(name) ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'hue') element.style.setProperty('--hue', value);
    else if (key === 'data') Object.assign(element.dataset, value);
    else if (value === true) element.setAttribute(key, '');
    else element.setAttribute(key, value);
  }
  element.append(...children.flat().filter(c => c !== undefined && c !== null && c !== false));
  return element;
}

/** Sets an element's text where it differs. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute where it differs. */
export function mark(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** A panel with a heading; what follows is its content. */
export function panel(title, width, ...content) {
  const note = h('p');
  const tools = h('span');
  const element = h('section', { class: `panel ${width}`, 'aria-label': title }, h('header', {}, h('h2', {}, title), note, h('span', { class: 'grow' }), tools), ...content);
  return Object.assign(element, { note, tools });
}

/** Buttons of which one is pressed. */
export function choice(label, options, chosen, onchoose) {
  const group = h('div', { class: 'seg', role: 'group', 'aria-label': label });
  const press = value => { for (const b of group.children) mark(b, 'aria-pressed', b.dataset.value === value); };
  for (const [value, text] of options) {
    group.append(h('button', { type: 'button', 'aria-pressed': 'false', data: { value }, onclick: () => { press(value); onchoose(value); } }, text));
  }
  press(chosen);
  group.press = press;
  return group;
}

/** Makes children of a container match a list, by key: kept ones stay where focus and animation are. */
export function reconcile(container, items, keyOf, make, update) {
  const old = new Map([...container.children].map(c => [c.dataset.key, c]));
  let place = container.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let element = old.get(key);
    if (element) old.delete(key);
    else { element = make(item); element.dataset.key = key; }
    if (element === place) place = place.nextElementSibling;
    else container.insertBefore(element, place);
    update?.(element, item);
  }
  for (const gone of old.values()) gone.remove();
}

const tip = () => document.getElementById('tip');

/** Shows words beside a point of the window. */
export function showTip(text, x, y) {
  const element = tip();
  say(element, text);
  element.hidden = false;
  const box = element.getBoundingClientRect();
  element.style.left = `${Math.max(6, Math.min(x + 14, innerWidth - box.width - 6))}px`;
  element.style.top = `${y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 16}px`;
}

export function hideTip() { tip().hidden = true; }

/** Tells screen readers, sparingly. */
export function announce(text) { say(document.getElementById('say'), text); }

const icons = {
  cluster: 'M12 4.2a2.4 2.4 0 1 0 0 .01M5 16.4a2.4 2.4 0 1 0 0 .01M19 16.4a2.4 2.4 0 1 0 0 .01M10.9 8.7 6.3 16.6M13.1 8.7l4.6 7.9M7.5 18.6h9',
  shard: 'M4 4h4.5v4.5H4zM11.5 4H16v4.5h-4.5zM4 11.5h4.5V16H4zM11.5 11.5H20V20h-8.500zM19 4h1v4.5h-1M4 19h4.500v1H4',
  storage: 'M4 6h16M4 6v3h16V6M6 12h12v3H6zM9 18h6v2.500H9z',
  network: 'M12 12m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0M8 8a5.700 5.700 0 0 0 0 8M16 8a5.700 5.700 0 0 1 0 8M5 5a10 10 0 0 0 0 14M19 5a10 10 0 0 1 0 14',
  requests: 'M4 6h9M4 10.500h14M4 15h6M13 15h7M4 19.500h11',
  playback: 'M12 4a8 8 0 1 1-7.400 5M4.200 4.500v4.700h4.700M12 8v4.300l3 1.900',
  keys: 'M8 15.500m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0M11 12.700 19.500 4.500M16 8l2.800 2.700',
  theme: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16',
  help: 'M12 4a8 8 0 1 0 .01 0M9.700 9.600a2.400 2.400 0 1 1 3.500 2.200c-.9.500-1.200.9-1.200 1.900M12 16.600v.2',
  play: 'M8 5.500v13l10.500-6.500z', pause: 'M8.500 5.500v13M15.500 5.500v13',
};

/** A line drawing of 20 px. */
export function icon(name) {
  return h('svg', { width: 20, height: 20, viewBox: '0 0 24 24', fill: name === 'play' ? 'currentColor' : 'none', stroke: 'currentColor', 'stroke-width': 1.7,
    'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true' }, h('path', { d: icons[name] }));
}
