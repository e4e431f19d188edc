// Linear scales with round ticks.

export interface Scale {
  (value: number): number;
  ticks: number[];
  digits: number; // decimals that the ticks need
}

/** Maps [low, high], widened to round numbers, onto [from, to]; about `wanted` ticks. */
export function linearScale(low: number, high: number, from: number, to: number, wanted = 4): Scale {
  if (!(high > low)) {
    const middle = low;
    low = middle - (Math.abs(middle) * 0.1 || 1);
    high = middle + (Math.abs(middle) * 0.1 || 1);
  }
  const step = roundStep((high - low) / wanted);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks: number[] = [];
  for (let index = first; index <= last; index++) ticks.push(index * step);
  const bottom = first * step;
  const span = last * step - bottom;
  const scale = (value: number): number => from + ((value - bottom) / span) * (to - from);
  return Object.assign(scale, { ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) });
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10;
  return factor * power;
}
