// Starts the page: polls, draws, and listens.
import { rememberToken } from "./client";
import { installHeatCursor } from "./heat_cursor";
import { draw } from "./page";
import { Poller } from "./poll";
import { installRoving } from "./roving";
import { addressOf } from "./route";
import { kInitial, type State } from "./state";
import { installTooltip } from "./tooltip";

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no #app");

let state = kInitial;

/** Draws twice when the first drawing made room that was not known before: charts are as wide as their panels. */
function show(next: State): void {
  const first = state.project?.name !== next.project?.name;
  state = next;
  draw(root as Element, state);
  if (first) draw(root as Element, state);
  followHeat();
  const select = document.getElementById("project-select");
  if (select instanceof HTMLSelectElement && state.selected !== null) select.value = state.selected; // after "back"
  const heat = document.getElementById("heat-scroll");
  if (first && heat !== null) heat.scrollLeft = heat.scrollWidth; // the newest days are what one looks for
}

const tooltip = installTooltip();
const followHeat = installHeatCursor(tooltip); // after the tooltip: what it says of a cell stands
installRoving();
const poller = new Poller(kInitial, show);

let resizing = 0;
window.addEventListener("resize", () => {
  cancelAnimationFrame(resizing);
  resizing = requestAnimationFrame(() => draw(root, state));
});
root.addEventListener("change", (event) => {
  if (event.target instanceof HTMLSelectElement && event.target.id === "project-select") location.hash = addressOf(event.target.value);
});
root.addEventListener("submit", (event) => {
  event.preventDefault();
  const token = document.getElementById("token");
  if (!(token instanceof HTMLInputElement) || token.value === "") return;
  rememberToken(token.value);
  token.value = "";
  poller.now();
});
draw(root, state);
poller.now();
