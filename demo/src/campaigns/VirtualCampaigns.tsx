import { useEffect, useRef, useState } from 'react';
import type { KeyboardEvent } from 'react';
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { flushSync } from 'react-dom';
import type { ListedCampaign } from '@campaign-state/client/react/campaigns';
import { CampaignRow } from './CampaignRow.tsx';

/** The height of a row before it is measured, in pixels. */
const ESTIMATED_PX = 62;

/** The rows of a list of any length, of which those in view are there. */
export function VirtualCampaigns({
  isStale,
  total,
  rows,
  show,
  openId,
  open,
  chosen,
  choose,
}: {
  /** Rows of what was asked for before are shown meanwhile. */
  isStale: boolean;
  total: number;
  rows: ReadonlyMap<number, ListedCampaign>;
  show: (first: number, last: number) => void;
  openId: string | undefined;
  open: (campaignId: string) => void;
  /** Missing while nothing is chosen for an action on several. */
  chosen: ReadonlySet<string> | undefined;
  choose: (campaign: ListedCampaign, isChosen: boolean) => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<number>();
  // The React Compiler, which this build does without, would have to leave it alone.
  // oxlint-disable-next-line react/incompatible-library
  const virtual = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => ESTIMATED_PX,
    overscan: 6,
    // The row that has the focus stays, however far it is out of view.
    rangeExtractor: (range) =>
      active === undefined || active >= total
        ? defaultRangeExtractor(range)
        : [...new Set([...defaultRangeExtractor(range), active])].toSorted((a, b) => a - b),
  });
  const items = virtual.getVirtualItems();
  const first = virtual.range?.startIndex ?? 0;
  const last = virtual.range?.endIndex ?? 0;
  useEffect(() => show(first, last), [show, first, last]);

  const openAt = [...rows].find(([, { campaignId }]) => campaignId === openId)?.[0];
  const wantedStop = active ?? openAt ?? 0;
  // Tab finds a row that is there.
  const tabStop = items.some(({ index }) => index === wantedStop) ? wantedStop : first;

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    const page = Math.max(1, last - first - 1);
    const target = {
      ArrowDown: tabStop + 1,
      ArrowUp: tabStop - 1,
      PageDown: tabStop + page,
      PageUp: tabStop - page,
      Home: 0,
      End: total - 1,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    moveTo(Math.min(total - 1, Math.max(0, target)));
  }

  /** The row is drawn first, wherever it is, so that keys which follow at once find it. */
  function moveTo(index: number): void {
    flushSync(() => setActive(index));
    scroller.current?.querySelector<HTMLElement>(`[data-index="${index}"] button`)?.focus({ preventScroll: true });
    virtual.scrollToIndex(index);
  }

  return (
    <div className="campaigns-scroll" ref={scroller} data-stale={isStale}>
      <ul style={{ blockSize: virtual.getTotalSize() }} aria-label="All campaigns" onKeyDown={onKeyDown}>
        {items.map(({ index, start }) => {
          const campaign = rows.get(index);
          return (
            <li
              key={index}
              ref={virtual.measureElement}
              data-index={index}
              aria-setsize={total}
              aria-posinset={index + 1}
              style={{ transform: `translateY(${start}px)` }}
              onFocus={() => setActive(index)}
            >
              <CampaignRow
                campaign={campaign}
                isOpen={campaign !== undefined && campaign.campaignId === openId}
                isInTabOrder={index === tabStop}
                isChosen={campaign && chosen?.has(campaign.campaignId)}
                open={() => campaign && open(campaign.campaignId)}
                choose={(isChosen) => campaign && choose(campaign, isChosen)}
              />
            </li>
          );
        })}
      </ul>
    </div>
  );
}
