import { useEffect, useEffectEvent, useRef, useState, type KeyboardEvent } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import '../styles/plots.css';
import { plotOptions, type PlotShape } from './plot-options.ts';

/**
 * A chart over time. What it says stands in words in its label, and behind the arrow keys, which move along the points
 * as a pointer does.
 */
export function Plot({
  label,
  data,
  shape,
  say,
}: {
  label: string;
  /** Seconds, and the values of each line. */
  data: uPlot.AlignedData;
  shape: PlotShape;
  /** What a point says. */
  say: (index: number) => string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const [point, setPoint] = useState<number | undefined>(undefined);
  const scheme = useColourScheme();
  const last = data[0].length - 1;
  const current = point === undefined ? undefined : Math.min(point, last);
  const onPoint = useEffectEvent((index: number | null | undefined) => setPoint(index ?? undefined));
  const shapeText = JSON.stringify(shape);

  const draw = useEffectEvent((element: HTMLElement) => {
    const width = Math.max(120, element.clientWidth);
    return new uPlot(plotOptions(shape, element, width, onPoint), data, element);
  });

  // Anew where the lines or the colours are others; else only what they say changes.
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const drawn = draw(element);
    plot.current = drawn;
    const watch = new ResizeObserver(() => {
      const width = Math.max(120, element.clientWidth);
      if (width !== drawn.width) drawn.setSize({ width, height: drawn.height });
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      drawn.destroy();
      plot.current = undefined;
    };
  }, [shapeText, scheme]);
  useEffect(() => plot.current?.setData(data), [data]);

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    const next = {
      ArrowLeft: Math.max(0, (current ?? last + 1) - 1),
      ArrowRight: Math.min(last, (current ?? -1) + 1),
      Home: 0,
      End: last,
    }[event.key];
    const drawn = plot.current;
    if (next === undefined || !drawn) return;
    event.preventDefault();
    setPoint(next);
    drawn.setCursor({ left: drawn.valToPos(drawn.data[0][next] ?? 0, 'x'), top: drawn.height / 3 }, false);
  }

  return (
    <div className="plot">
      <div
        ref={place}
        className="plot-canvas"
        role="img"
        aria-label={`${label} Arrow keys move along its points.`}
        // A picture whose points are read one by one.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        onKeyDown={onKeyDown}
      />
      <p className="plot-point" aria-live="polite">
        {current === undefined ? '\u00A0' : say(current)}
      </p>
    </div>
  );
}

/** Whether the page is dark: a canvas does not follow by itself. */
function useColourScheme(): 'dark' | 'light' {
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const onChange = (): void => setDark(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, []);
  return isDark ? 'dark' : 'light';
}
