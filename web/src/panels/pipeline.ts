// The pipeline that runs now, or ran last: its steps as a graph, left to right where there is room and top to bottom where not.
import type { Pipeline, Project, Step } from "../api";
import { badge } from "../badge";
import { layer, type Placed } from "../charts/layers";
import { h, s, type Child } from "../dom";
import * as format from "../format";
import { stateIcon } from "../icons";
import { emptyState, panel } from "../panel";

const kHeight = 58;
const kLeastWidth = 104;
const kMostWidth = 190;

interface Box {
  x: number;
  y: number;
  width: number;
}

function says(step: Step): string {
  const parts = [`${step.name} (${step.kind}): ${step.state}`];
  if (step.state === "running" && step.fraction !== null) parts.push(format.percent(step.fraction));
  if (step.progress !== "") parts.push(step.progress);
  if (step.seconds !== null) parts.push(`${format.seconds(step.seconds)}`);
  if (step.depends.length > 0) parts.push(`after ${step.depends.join(", ")}`);
  if (step.error !== "") parts.push(step.error);
  return parts.join("\n");
}

/** Cuts a text to what fits into `width` pixels at about `each` pixels a letter. */
function fit(text: string, width: number, each: number): string {
  const room = Math.floor(width / each);
  return text.length <= room ? text : `${text.slice(0, Math.max(1, room - 1))}…`;
}

function detail(step: Step): string {
  if (step.state === "running") return step.progress || (step.fraction === null ? "running" : format.percent(step.fraction));
  if (step.state === "succeeded") return step.seconds === null ? "done" : format.seconds(step.seconds);
  if (step.state === "skipped") return "unchanged";
  return step.state;
}

function node(placed: Placed, box: Box): SVGElement {
  const { step } = placed;
  const text = box.width - 20;
  const bar = box.width - 2 * 10;
  const fraction = Math.min(1, Math.max(0, step.fraction ?? 0));
  return s("g", {
    class: "step", role: "listitem", tabindex: placed.layer === 0 && placed.slot === 0 ? 0 : -1, "data-key": step.name,
    "data-state": step.state, "data-row": placed.slot, "data-column": placed.layer, "data-tip": says(step),
    "aria-label": says(step).replaceAll("\n", ", "), transform: `translate(${box.x} ${box.y})`,
  },
    s("rect", { class: "step-box", width: box.width, height: kHeight, rx: 10 }),
    stateIcon(step.state, 9, 10),
    s("text", { class: "step-name", x: 30, y: 22 }, fit(step.name, text - 20, 7)),
    s("text", { class: "step-detail", x: 10, y: 40 }, fit(detail(step), text + 2, 6.2)),
    s("rect", { class: "step-track", x: 10, y: 47, width: bar, height: 4, rx: 2 }),
    s("rect", { class: "step-bar", x: 10, y: 47, width: (step.state === "succeeded" || step.state === "skipped" ? 1 : fraction) * bar, height: 4, rx: 2 }));
}

function edge(from: Box, to: Box, across: boolean, state: string): SVGElement {
  const [x1, y1] = across ? [from.x + from.width, from.y + kHeight / 2] : [from.x + from.width / 2, from.y + kHeight];
  const [x2, y2] = across ? [to.x, to.y + kHeight / 2] : [to.x + to.width / 2, to.y];
  const bend = (across ? x2 - x1 : y2 - y1) / 2;
  const path = across
    ? `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`
    : `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`;
  return s("path", { class: "edge", d: path, "data-state": state });
}

function graph(pipeline: Pipeline, width: number): SVGElement {
  const { placed, layers, widest } = layer(pipeline.steps);
  const gap = 26;
  const across = (width - gap * (layers - 1)) / layers >= kLeastWidth;
  const count = across ? layers : widest;
  const between = across ? gap : 12;
  const boxWidth = Math.min(kMostWidth, Math.max(64, (width - between * (count - 1)) / count));
  const stride = kHeight + (across ? 16 : 28);
  const height = (across ? widest : layers) * stride - (across ? 16 : 28);
  const inLayer = new Map<number, number>();
  for (const one of placed.values()) inLayer.set(one.layer, (inLayer.get(one.layer) ?? 0) + 1);
  const boxOf = ({ layer: at, slot }: Placed): Box => {
    const beside = (widest - (inLayer.get(at) ?? 1)) / 2 + slot;
    return across
      ? { x: at * (boxWidth + between), y: beside * stride, width: boxWidth }
      : { x: beside * (boxWidth + between), y: at * stride, width: boxWidth };
  };
  const edges: SVGElement[] = [];
  const nodes: SVGElement[] = [];
  for (const one of placed.values()) {
    const box = boxOf(one);
    nodes.push(node(one, box));
    for (const name of one.step.depends) {
      const before = placed.get(name);
      if (before !== undefined) edges.push(edge(boxOf(before), box, across, before.step.state));
    }
  }
  return s("svg", { class: "graph", width, height: height + 2, viewBox: `-1 -1 ${width + 2} ${height + 2}`, role: "list", "aria-label": "Steps of the pipeline", "data-grid": "" },
    s("g", { "aria-hidden": "true" }, ...edges), s("g", null, ...nodes));
}

function problems(pipeline: Pipeline): Child {
  const lines = pipeline.steps.filter((step) => step.error !== "").map((step) => [step.name, step.error] as const);
  if (pipeline.error !== "" && !lines.some(([, error]) => error === pipeline.error)) lines.unshift(["pipeline", pipeline.error]);
  if (lines.length === 0) return null;
  return h("ul", { class: "problems", "aria-label": "What went wrong" },
    ...lines.map(([name, error]) => h("li", { "data-key": name }, h("strong", null, name), " ", h("span", null, error))));
}

export function pipelinePanel(project: Project): HTMLElement {
  const { pipeline } = project;
  const options = { id: "pipeline", title: "Pipeline", shows: [pipeline, project.time_zone] };
  if (pipeline === null) {
    return panel({ ...options, empty: true }, () => [emptyState("No pipeline has run yet. Its steps appear here as they run.", `keelson run ${project.name}`)]);
  }
  const about = [pipeline.cause, pipeline.as_of === "" ? "" : `as of ${format.instant(pipeline.as_of, project.time_zone)}`, pipeline.id];
  const aside = h("p", { class: "aside" }, badge(pipeline.state), h("span", null, about.filter((part) => part !== "").join(" · ")));
  return panel({ ...options, aside }, (width) => [graph(pipeline, width), problems(pipeline)]);
}
