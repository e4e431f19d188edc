// Cuts a text to a width, as the browser would draw it.

const context = document.createElement("canvas").getContext("2d");
const kTail = 0.4; // of what is kept stands at the end: names differ there

export function fitText(text: string, width: number, size: number, weight = 400): string {
  if (context === null) return text;
  context.font = `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;
  if (context.measureText(text).width <= width) return text;
  const cut = (kept: number): string => {
    const tail = Math.floor(kept * kTail);
    return `${text.slice(0, kept - tail)}…${tail === 0 ? "" : text.slice(-tail)}`;
  };
  let kept = text.length - 1;
  while (kept > 1 && context.measureText(cut(kept)).width > width) kept--;
  return cut(kept);
}
