import { useCallback, useEffect, useEffectEvent, useRef, useState } from 'react';
import type { KeyboardEvent } from 'react';
import type { Entry } from '@campaign-state/client';
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { flushSync } from 'react-dom';
import type { EntryGroup } from './group-entries.ts';
import { HistoryRow } from './HistoryRow.tsx';

/** The height of a row before it is measured, in pixels. */
const ESTIMATED_PX = 62;
/** How many rows before the end older ones are asked for. */
const AHEAD = 20;
/** What the keys go along: of the row itself, not of what is opened in it. */
const OF_A_ROW = '.history-row > details > summary, .history-row > button';

/** The rows of a history of any length, of which those in view are there, and the one that has the focus. */
export function VirtualHistory({
  groups,
  active,
  setActive,
  hasCurrent,
  readOnly,
  hasMore,
  isLoading,
  loadsAhead,
  loadMore,
}: {
  groups: readonly EntryGroup<Entry>[];
  /** The key of the row that has the focus, or had it last. */
  active: number | undefined;
  setActive: (key: number | undefined) => void;
  /** Whether the first is how the campaign stands. */
  hasCurrent: boolean;
  readOnly: boolean;
  hasMore: boolean;
  isLoading: boolean;
  /** Whether older ones are loaded before they are in view; after a failure they wait to be asked for. */
  loadsAhead: boolean;
  loadMore: () => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const activeAt = active === undefined ? -1 : groups.findIndex(({ key }) => key === active);
  // The React Compiler, which this build does without, would have to leave it alone.
  // oxlint-disable-next-line react/incompatible-library
  const virtual = useVirtualizer({
    count: groups.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ESTIMATED_PX,
    overscan: 6,
    getItemKey: useCallback((index: number) => groups[index]?.key ?? -1 - index, [groups]),
    // Who looks at older ones keeps them in view while new ones come above; at the top the new ones are seen.
    anchorTo: (scroller.current?.scrollTop ?? 0) > 0 ? 'end' : 'start',
    // The row that has the focus stays, however far it is out of view.
    rangeExtractor: (range) =>
      activeAt === -1
        ? defaultRangeExtractor(range)
        : [...new Set([...defaultRangeExtractor(range), activeAt])].toSorted((a, b) => a - b),
  });
  const items = virtual.getVirtualItems();
  const first = virtual.range?.startIndex ?? 0;
  const last = virtual.range?.endIndex ?? 0;
  // Tab finds a row that is there.
  const tabStop = items.some(({ index }) => index === activeAt) ? activeAt : first;

  const isNearEnd = loadsAhead && hasMore && !isLoading && last + AHEAD >= groups.length;
  const loadAhead = useEffectEvent(loadMore);
  useEffect(() => {
    if (isNearEnd) loadAhead();
  }, [isNearEnd, groups.length]);

  const toggle = useCallback((key: number, isOpen: boolean) => {
    setOpen((now) => {
      if (now.has(key) === isOpen) return now;
      const next = new Set(now);
      if (isOpen) next.add(key);
      else next.delete(key);
      return next;
    });
  }, []);

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    if (!(event.target instanceof Element && event.target.matches(OF_A_ROW))) return;
    const page = Math.max(1, last - first - 1);
    const target = {
      ArrowDown: tabStop + 1,
      ArrowUp: tabStop - 1,
      PageDown: tabStop + page,
      PageUp: tabStop - page,
      Home: 0,
      End: groups.length - 1,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    moveTo(Math.min(groups.length - 1, Math.max(0, target)));
  }

  /** The row is drawn first, wherever it is, so that keys which follow at once find it. */
  function moveTo(index: number): void {
    flushSync(() => setActive(groups[index]?.key));
    scroller.current?.querySelector<HTMLElement>(`[data-index="${index}"] summary`)?.focus({ preventScroll: true });
    virtual.scrollToIndex(index);
  }

  return (
    <div className="history-scroll" ref={scroller}>
      <ol
        className="history"
        style={{ blockSize: virtual.getTotalSize() }}
        aria-label="Versions, the newest first"
        onKeyDown={onKeyDown}
      >
        {items.map(({ index, key, start }) => {
          const group = groups[index];
          return (
            group && (
              <li
                key={key}
                ref={virtual.measureElement}
                className="history-row"
                data-index={index}
                data-current={hasCurrent && index === 0}
                // How many there are is known once the oldest is loaded.
                aria-setsize={hasMore ? -1 : groups.length}
                aria-posinset={index + 1}
                style={{ transform: `translateY(${start}px)` }}
                onFocus={() => setActive(group.key)}
              >
                <HistoryRow
                  group={group}
                  isCurrent={hasCurrent && index === 0}
                  readOnly={readOnly}
                  isOpen={open.has(group.key)}
                  isInTabOrder={index === tabStop}
                  toggle={toggle}
                />
              </li>
            )
          );
        })}
      </ol>
      {hasMore && (
        <button type="button" disabled={isLoading} onClick={loadMore}>
          {isLoading ? 'Loading…' : 'Older entries'}
        </button>
      )}
    </div>
  );
}
