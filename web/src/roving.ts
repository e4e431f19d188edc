// Arrow keys within a grid of marks: what has `data-grid` is one stop of the Tab key, and the arrow keys, Home and End move
// among its children with `data-row` and `data-column`.

const kMoves: Record<string, [number, number]> = {
  ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -Infinity], End: [0, Infinity],
};

export function installRoving(): void {
  document.addEventListener("keydown", (event) => {
    const move = kMoves[event.key];
    const cell = event.target;
    if (move === undefined || !(cell instanceof SVGElement || cell instanceof HTMLElement)) return;
    const grid = cell.closest("[data-grid]");
    if (grid === null || cell.dataset.row === undefined) return;
    event.preventDefault();
    const row = Number(cell.dataset.row) + move[0];
    const inRow = [...grid.querySelectorAll<SVGElement>(`[data-row="${row}"]`)];
    const wanted = Number(cell.dataset.column) + move[1];
    const next =
      move[1] === -Infinity ? inRow[0]
      : move[1] === Infinity ? inRow[inRow.length - 1]
      : nearest(inRow, wanted, move[0] !== 0);
    if (next === undefined) return;
    cell.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
}

function nearest(cells: SVGElement[], column: number, any: boolean): SVGElement | undefined {
  const exact = cells.find((cell) => Number(cell.dataset.column) === column);
  if (exact !== undefined || !any) return exact;
  const distance = (cell: SVGElement): number => Math.abs(Number(cell.dataset.column) - column);
  return cells.reduce<SVGElement | undefined>(
    (best, cell) => (best === undefined || distance(cell) < distance(best) ? cell : best), undefined);
}
