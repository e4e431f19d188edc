// Makes an old tree equal to a fresh one with the fewest changes, so that focus, scroll positions, transitions and what a
// screen reader is reading survive an update each second. Children with `data-key` are matched by it, others by position.
// A fresh element with `data-keep` says: what is there is still right.

export function morph(old: Element, fresh: Element): void {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  morphChildren(old, [...fresh.childNodes]);
}

/** Makes the children of `parent` equal to `fresh`; nodes of `fresh` that have no match are moved in. */
export function morphChildren(parent: Element, fresh: Node[]): void {
  const keyed = new Map<string, Element>();
  for (const child of parent.children) {
    const key = keyOf(child);
    if (key !== null) keyed.set(key, child);
  }
  let cursor: ChildNode | null = parent.firstChild;
  for (const node of fresh) {
    const key = keyOf(node);
    if (key !== null) {
      const match = keyed.get(key);
      if (match === undefined || match.nodeName !== node.nodeName) {
        parent.insertBefore(node, cursor);
        continue;
      }
      if (match === cursor) cursor = cursor.nextSibling;
      else parent.insertBefore(match, cursor);
      update(match, node);
      keyed.delete(key);
      continue;
    }
    if (cursor !== null && keyOf(cursor) === null && cursor.nodeType === node.nodeType && cursor.nodeName === node.nodeName) {
      const match: ChildNode = cursor;
      cursor = cursor.nextSibling;
      update(match, node);
    } else {
      parent.insertBefore(node, cursor);
    }
  }
  while (cursor !== null) {
    const next: ChildNode | null = cursor.nextSibling;
    cursor.remove();
    cursor = next;
  }
}

function keyOf(node: Node): string | null {
  return node instanceof Element ? node.getAttribute("data-key") : null;
}

function update(old: ChildNode, fresh: Node): void {
  if (old instanceof Element && fresh instanceof Element) {
    if (!fresh.hasAttribute("data-keep")) morph(old, fresh);
  } else if (old.nodeValue !== fresh.nodeValue) {
    old.nodeValue = fresh.nodeValue;
  }
}
