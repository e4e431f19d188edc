// Places the steps of a pipeline: a step stands one layer after the last of those that it depends on; within a layer, near them.
import type { Step } from "../api";

export interface Placed {
  step: Step;
  layer: number;
  slot: number; // within the layer, from 0
}

export interface Layered {
  placed: Map<string, Placed>;
  layers: number;
  widest: number; // steps in the fullest layer
}

export function layer(steps: Step[]): Layered {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const depth = new Map<string, number>();
  const depthOf = (step: Step, path: Set<string>): number => {
    const known = depth.get(step.name);
    if (known !== undefined) return known;
    if (path.has(step.name)) return 0; // a cycle is the server's mistake, not a reason to hang
    path.add(step.name);
    let deepest = 0;
    for (const name of step.depends) {
      const before = byName.get(name);
      if (before !== undefined) deepest = Math.max(deepest, depthOf(before, path) + 1);
    }
    path.delete(step.name);
    depth.set(step.name, deepest);
    return deepest;
  };
  const rows: Step[][] = [];
  for (const step of byName.values()) (rows[depthOf(step, new Set())] ??= []).push(step);

  const placed = new Map<string, Placed>();
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? [];
    const pull = (step: Step): number => {
      const slots = step.depends.flatMap((name) => placed.get(name)?.slot ?? []);
      return slots.length === 0 ? 0 : slots.reduce((sum, slot) => sum + slot, 0) / slots.length;
    };
    row.map((step) => ({ step, at: pull(step) }))
      .sort((one, other) => one.at - other.at)
      .forEach(({ step }, slot) => placed.set(step.name, { step, layer: index, slot }));
  }
  return { placed, layers: rows.length, widest: Math.max(0, ...rows.map((row) => row?.length ?? 0)) };
}
