// Makes elements. Text only ever becomes a text node, so nothing that the server sends can become markup.

type Value = string | number | boolean | null | undefined;
export type Attributes = Record<string, Value>;
export type Child = Node | string | number | null | undefined | false;

const kSvg = "http://www.w3.org/2000/svg";

function fill<E extends Element>(element: E, attributes: Attributes | null, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** An HTML element. */
export function h(name: string, attributes: Attributes | null = null, ...children: Child[]): HTMLElement {
  return fill(document.createElement(name), attributes, children);
}

/** An SVG element. */
export function s(name: string, attributes: Attributes | null = null, ...children: Child[]): SVGElement {
  return fill(document.createElementNS(kSvg, name), attributes, children);
}
