// Places the steps of a pipeline in layers: a step stands one layer after the last of those that it depends on, and near them.
// An edge that passes layers takes a free place in each, so that it never runs behind a step.
import type { Step } from "../api";

export interface Place {
  layer: number;
  slot: number; // within the layer, from 0
}

export interface Edge {
  from: Step;
  to: Step;
  through: Place[]; // from start to end, both included
}

export interface Layered {
  steps: { step: Step; place: Place }[];
  edges: Edge[];
  sizes: number[]; // places in each layer
}

/** The length of the longest way to each step. A cycle is the server's mistake, not a reason to hang: it counts as no way. */
function depths(steps: Map<string, Step>): Map<string, number> {
  const known = new Map<string, number>();
  const depthOf = (step: Step, path: Set<string>): number => {
    const before = known.get(step.name);
    if (before !== undefined) return before;
    path.add(step.name);
    let depth = 0;
    for (const name of step.depends) {
      const other = steps.get(name);
      if (other !== undefined && !path.has(name)) depth = Math.max(depth, depthOf(other, path) + 1);
    }
    path.delete(step.name);
    known.set(step.name, depth);
    return depth;
  };
  for (const step of steps.values()) depthOf(step, new Set());
  return known;
}

interface Occupant {
  step: Step | null; // null: an edge passes here
  before: Occupant[];
  place: Place;
}

export function layer(all: Step[]): Layered {
  const steps = new Map(all.map((step) => [step.name, step]));
  const depth = depths(steps);
  const used = [...new Set(depth.values())].sort((one, other) => one - other); // without gaps
  const layerOf = (step: Step): number => used.indexOf(depth.get(step.name) ?? 0);
  const rows: Occupant[][] = used.map(() => []);
  const add = (step: Step | null, at: number, before: Occupant[]): Occupant => {
    const occupant: Occupant = { step, before, place: { layer: at, slot: 0 } };
    rows[at]?.push(occupant);
    return occupant;
  };

  const boxes = new Map<string, Occupant>();
  for (const step of steps.values()) boxes.set(step.name, add(step, layerOf(step), []));
  const edges: { from: Step; to: Step; through: Occupant[] }[] = [];
  for (const to of boxes.values()) {
    for (const name of new Set(to.step?.depends)) {
      const from = boxes.get(name);
      if (from?.step == null || to.step === null || from.place.layer >= to.place.layer) continue;
      const through = [from];
      for (let at = from.place.layer + 1; at < to.place.layer; at++) through.push(add(null, at, through.slice(-1)));
      to.before.push(...through.slice(-1));
      edges.push({ from: from.step, to: to.step, through: [...through, to] });
    }
  }
  for (const row of rows) {
    const pull = ({ before }: Occupant): number =>
      before.length === 0 ? 0 : before.reduce((sum, { place }) => sum + place.slot, 0) / before.length;
    row.sort((one, other) => pull(one) - pull(other) || Number(one.step === null) - Number(other.step === null));
    row.forEach((occupant, slot) => (occupant.place.slot = slot));
  }
  return {
    steps: [...boxes.values()].flatMap(({ step, place }) => (step === null ? [] : [{ step, place }])),
    edges: edges.map(({ from, to, through }) => ({ from, to, through: through.map(({ place }) => place) })),
    sizes: rows.map((row) => row.length),
  };
}
