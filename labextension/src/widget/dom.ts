/* The few ways in which this widget makes DOM. Text is always set as text; HTML passes `setHtml`, and only there. */

type Attributes = Record<string, string>;

/** An element with attributes and children; strings become text. */
export function el<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** A real button. */
export function button(text: string, className: string, onClick: () => void): HTMLButtonElement {
  const made = el('button', { type: 'button', class: `nbagents-button ${className}` }, text);
  made.addEventListener('click', onClick);
  return made;
}

/* The kernel's own allow list (nbagents/widgets/sanitize.py) and its inlined pictures, as the browser's second wall. */
const ELEMENTS =
  'p br hr h1 h2 h3 h4 h5 h6 strong b em i u s del ins sub sup small mark q kbd samp var abbr cite blockquote ' +
  'ul ol li dl dt dd pre code span table caption colgroup col thead tbody tfoot tr th td ' +
  'div section article figure figcaption details summary a img';
const ATTRIBUTES = 'href title target rel start align colspan rowspan scope border open class src alt width';
const SANITIZER = { elements: ELEMENTS.split(' '), attributes: ATTRIBUTES.split(' ') };

interface SafeElement {
  setHTML?: (html: string, options: { sanitizer: typeof SANITIZER }) => void;
}

/**
 * Show HTML that the kernel has cleaned. Browsers that have a sanitizer of their own clean it once more.
 */
export function setHtml(target: HTMLElement, html: string): void {
  const safe = target as SafeElement;
  if (safe.setHTML) safe.setHTML(html, { sanitizer: SANITIZER });
  else target.innerHTML = html;
}

/** Append HTML that the kernel has cleaned, and leave what stands there alone. */
export function appendHtml(target: HTMLElement, html: string): void {
  if (!html) return;
  const box = el('div');
  setHtml(box, html);
  target.append(...box.childNodes);
}
