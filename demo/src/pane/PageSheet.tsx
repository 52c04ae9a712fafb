import { useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { DEVICES, type Look } from './look.ts';
import { useKeptScroll } from './use-kept-scroll.ts';

/** What the page is drawn on: as wide as a device's screen, made smaller where the pane has less room. */
export function PageSheet({
  look: { device, scheme },
  page,
  occasion,
  children,
}: {
  look: Look;
  /** Names the page: where one had scrolled is kept of each. */
  page: string;
  /** Something else with every switch to another page, or another look of it. */
  occasion: string;
  children: ReactNode;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const sheet = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState<number>();
  const width = device && DEVICES[device];

  useLayoutEffect(() => {
    const { current } = frame;
    if (!current) return undefined;
    const observer = new ResizeObserver(() => setRoom(current.clientWidth));
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  useKeptScroll(frame, sheet, page, occasion);

  return (
    <div ref={frame} className="page-frame" data-device={device}>
      <div
        ref={sheet}
        className="page-sheet"
        data-scheme={scheme}
        style={width === undefined ? undefined : { inlineSize: width, zoom: Math.min(1, (room ?? width) / width) }}
      >
        {children}
      </div>
    </div>
  );
}
