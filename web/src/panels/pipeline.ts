// The pipeline that runs now, or ran last: its steps as a graph, left to right where there is room and top to bottom where not.
import type { Pipeline, Project, Step } from "../api";
import { badge } from "../badge";
import { layer, type Place } from "../charts/layers";
import { fitText } from "../charts/text";
import { h, s, type Child } from "../dom";
import * as format from "../format";
import { stateIcon } from "../icons";
import { emptyState, panel } from "../panel";

const kHeight = 58;
const kLeastWidth = 104;
const kMostWidth = 190;
const kGap = 26;

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

function detail(step: Step): string {
  if (step.state === "running") return step.progress || (step.fraction === null ? "running" : format.percent(step.fraction));
  if (step.state === "succeeded") return step.seconds === null ? "done" : format.seconds(step.seconds);
  if (step.state === "skipped") return "unchanged";
  return step.state;
}

function node(step: Step, place: Place, box: Box): SVGElement {
  const bar = box.width - 20;
  const done = step.state === "succeeded" || step.state === "skipped";
  const fraction = done ? 1 : Math.min(1, Math.max(0, step.fraction ?? 0));
  return s("g", {
    class: "step", role: "listitem", tabindex: place.layer === 0 && place.slot === 0 ? 0 : -1, "data-key": step.name,
    "data-state": step.state, "data-row": place.slot, "data-column": place.layer, "data-tip": says(step),
    "aria-label": says(step).replaceAll("\n", ", "), transform: `translate(${box.x} ${box.y})`,
  },
    s("rect", { class: "step-box", width: box.width, height: kHeight, rx: 10 }),
    stateIcon(step.state, 9, 10),
    s("text", { class: "step-name", x: 30, y: 22 }, fitText(step.name, box.width - 38, 13, 600)),
    s("text", { class: "step-detail", x: 10, y: 40 }, fitText(detail(step), box.width - 18, 11.5)),
    s("rect", { class: "step-track", x: 10, y: 47, width: bar, height: 4, rx: 2 }),
    s("rect", { class: "step-bar", x: 10, y: 47, width: fraction * bar, height: 4, rx: 2 }));
}

/** A curve from the end of each place to the start of the next, straight through those in between. */
function edge(boxes: Box[], across: boolean, state: string): SVGElement {
  let path = "";
  boxes.forEach((box, index) => {
    const middle = across ? box.y + kHeight / 2 : box.x + box.width / 2;
    const start = across ? box.x : box.y;
    const end = across ? box.x + box.width : box.y + kHeight;
    const point = (along: number, beside: number): string => (across ? `${along} ${beside}` : `${beside} ${along}`);
    const last = boxes[index - 1];
    if (last !== undefined) {
      const before = across ? last.x + last.width : last.y + kHeight;
      const beside = across ? last.y + kHeight / 2 : last.x + last.width / 2;
      const bend = (before + start) / 2;
      path += `C${point(bend, beside)} ${point(bend, middle)} ${point(start, middle)}`;
    }
    if (index < boxes.length - 1) path += `${index === 0 ? "M" : "L"}${point(end, middle)}`;
  });
  return s("path", { class: "edge", d: path, "data-state": state });
}

function graph(pipeline: Pipeline, width: number): SVGElement {
  const { steps, edges, sizes } = layer(pipeline.steps);
  const layers = sizes.length;
  const widest = Math.max(1, ...sizes);
  const across = (width - kGap * (layers - 1)) / layers >= kLeastWidth;
  const [columns, between] = across ? [layers, kGap] : [widest, 12];
  const boxWidth = Math.min(kMostWidth, Math.max(64, (width - between * (columns - 1)) / columns));
  const space = across ? 16 : 28;
  const stride = kHeight + space;
  const height = (across ? widest : layers) * stride - space;
  const free = width - columns * boxWidth - (columns - 1) * between;
  const step = boxWidth + between + (across ? Math.min(70, free / Math.max(1, columns - 1)) : 0);
  const boxOf = ({ layer: at, slot }: Place): Box => {
    const beside = (widest - (sizes[at] ?? 1)) / 2 + slot;
    return across
      ? { x: at * step, y: beside * stride, width: boxWidth }
      : { x: free / 2 + beside * step, y: at * stride, width: boxWidth };
  };
  return s("svg", { class: "graph", width, height: height + 2, viewBox: `-1 -1 ${width + 2} ${height + 2}`, role: "list", "aria-label": "Steps of the pipeline", "data-grid": "" },
    s("g", { "aria-hidden": "true" }, ...edges.map(({ from, through }) => edge(through.map(boxOf), across, from.state))),
    s("g", { role: "presentation" }, ...steps.map(({ step: one, place }) => node(one, place, boxOf(place)))));
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
  return panel({ ...options, aside }, (width) => [pipeline.steps.length === 0 ? null : graph(pipeline, width), problems(pipeline)]);
}
