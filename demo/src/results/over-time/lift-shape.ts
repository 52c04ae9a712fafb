import type { PlotLine } from '../plot-options.ts';
import { armColour, armsOf, type Progress } from '../results.ts';

/** Lines of the lift of each arm but the control, with the interval that held at every look as a band around it. */
export function liftShape(progress: Progress) {
  const { points, control } = progress;
  const arms = armsOf(progress).filter((arm) => arm !== control);
  const lines: PlotLine[] = [];
  const bands: { high: number; low: number; colour: string }[] = [];
  const columns: (number | null)[][] = [];
  for (const arm of arms) {
    const colour = armColour(progress, arm);
    const lifts = points.map((point) => point.arms.find((one) => one.arm === arm)?.comparison?.lift);
    bands.push({ low: lines.length + 1, high: lines.length + 2, colour });
    lines.push(
      { label: arm, colour },
      { label: `${arm}, low`, colour, isBound: true },
      { label: `${arm}, high`, colour, isBound: true },
    );
    columns.push(
      lifts.map((lift) => lift?.estimate ?? null),
      lifts.map((lift) => lift?.anytime[0] ?? null),
      lifts.map((lift) => lift?.anytime[1] ?? null),
    );
  }
  return {
    arms,
    data: [points.map(({ at }) => at / 1_000), ...columns] as [number[], ...(number | null)[][]],
    lines,
    bands,
    range: rangeOf(columns),
  };
}

/** What is in view: the first intervals are so wide that nothing of the later ones would be seen beside them. */
function rangeOf(columns: readonly (number | null)[][]): [number, number] {
  const later = columns.flatMap((column) => column.slice(Math.floor(column.length / 3)));
  const values = later.filter((value) => value !== null);
  const widest = Math.min(2, Math.max(0.05, ...values.map(Math.abs)));
  // Rounded up, so that the axis stands still while the interval narrows.
  const step = widest > 0.5 ? 0.25 : 0.1;
  const bound = Math.ceil(widest / step) * step;
  return [-bound, bound];
}
