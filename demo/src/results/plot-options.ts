import type uPlot from 'uplot';
import type { VersionMark } from './results.ts';
import { sayLift, sayTime } from './say-figures.ts';

/** A line of a chart. */
export interface PlotLine {
  readonly label: string;
  /** Name of the token of its colour. */
  readonly colour: string;
  /** Whether it bounds an interval, and is not drawn itself. */
  readonly isBound?: boolean;
}

/** What a chart looks like, apart from its values. */
export interface PlotShape {
  readonly lines: readonly PlotLine[];
  /** Intervals between two lines, by their places among the lines. */
  readonly bands: readonly { readonly high: number; readonly low: number; readonly colour: string }[];
  readonly versions: readonly VersionMark[];
  /** Values as shares, with a line at none; else as counts, from 0. */
  readonly isLift: boolean;
  /** From when to when, in epoch milliseconds; default: the points. */
  readonly span?: readonly [number, number];
  /** The least and the greatest value that is shown; default: all of them. */
  readonly range?: readonly [number, number];
}

const HEIGHT = 220;
/** Pixels between the names of two versions, at least. */
const MARK_GAP = 34;

export function plotOptions(
  { lines, bands, versions, isLift, span, range }: PlotShape,
  element: HTMLElement,
  width: number,
  onPoint: (index: number | null | undefined) => void,
): uPlot.Options {
  const colour = colourReader(element);
  const soft = colour('--ink-soft');
  const rule = colour('--line');
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { time: true, ...(span && { range: [span[0] / 1_000, span[1] / 1_000] }) },
      y: range ? { range: [range[0], range[1]] } : { range: (_plot, _min, max) => [0, Math.max(1, max * 1.15)] },
    },
    axes: [
      {
        stroke: soft,
        font,
        grid: { show: false },
        ticks: { stroke: rule, size: 4 },
        values: (_plot, splits) => {
          const stepMs = ((splits[1] ?? 0) - (splits[0] ?? 0)) * 1_000;
          return splits.map((seconds) => sayTime(seconds * 1_000, stepMs));
        },
        space: 64,
      },
      {
        stroke: soft,
        font,
        size: 56,
        grid: { stroke: rule, width: 1 },
        ticks: { show: false },
        values: (_plot, splits) => splits.map((value) => (isLift ? sayLift(value) : String(value))),
        ...(!isLift && { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000] }),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, colour: name, isBound }) => ({
        label,
        stroke: isBound === true ? 'transparent' : colour(name),
        width: isBound === true ? 0 : 2,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    bands: bands.map(({ high, low, colour: name }): uPlot.Band => ({
      series: [high + 1, low + 1],
      fill: withAlpha(colour(name), 0.18),
    })),
    hooks: {
      drawClear: [(plot) => drawMarks(plot, versions, { soft, rule, font, isLift })],
      setCursor: [(plot) => onPoint(plot.cursor.idx)],
    },
  };
}

/** Versions as dashed lines with their names at the top, of those that are close to each other the newest. */
function drawMarks(
  plot: uPlot,
  versions: readonly VersionMark[],
  { soft, rule, font, isLift }: { soft: string; rule: string; font: string; isLift: boolean },
): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.lineWidth = ratio;
  if (isLift) {
    const zero = Math.round(plot.valToPos(0, 'y', true));
    if (zero > bbox.top && zero < bbox.top + bbox.height) {
      ctx.strokeStyle = soft;
      line(ctx, bbox.left, zero, bbox.left + bbox.width, zero);
    }
  }
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  ctx.strokeStyle = rule;
  ctx.fillStyle = soft;
  ctx.font = font.replace('12px', `${11 * ratio}px`);
  ctx.textAlign = 'center';
  let nameAt = Number.POSITIVE_INFINITY;
  for (const { version, at } of versions.toSorted((a, b) => b.at - a.at)) {
    const x = Math.round(plot.valToPos(at / 1_000, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    line(ctx, x, bbox.top, x, bbox.top + bbox.height);
    if (nameAt - x < MARK_GAP * ratio) continue;
    nameAt = x;
    ctx.fillText(`v${version}`, Math.min(x, bbox.left + bbox.width - 12 * ratio), bbox.top - 4 * ratio);
  }
  ctx.restore();
}

function line(ctx: CanvasRenderingContext2D, fromX: number, fromY: number, toX: number, toY: number): void {
  ctx.beginPath();
  ctx.moveTo(fromX, fromY);
  ctx.lineTo(toX, toY);
  ctx.stroke();
}

/** Reads tokens as colours that a canvas understands: theirs depend on the scheme. */
function colourReader(element: HTMLElement): (token: string) => string {
  return (token) => {
    const probe = element.ownerDocument.createElement('span');
    probe.style.color = `var(${token})`;
    element.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
}

function withAlpha(colour: string, alpha: number): string {
  return `color-mix(in oklab, ${colour} ${alpha * 100}%, transparent)`;
}
