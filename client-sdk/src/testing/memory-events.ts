import type { AnalyticsEvent } from '../../../server/core/analytics/analytics-event.ts';
import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import { deepFreeze } from '../frozen.ts';

/** An event that an app has told, and of whom. */
export type TrackedEvent = AnalyticsEvent & { readonly viewer?: Viewer };

/** Events of a campaign in memory. */
export interface MemoryEvents {
  /** Records a batch, once however often it is sent; returns how many events it has. */
  readonly record: (batch: {
    readonly batchId: string;
    readonly viewer?: Viewer;
    readonly events: readonly AnalyticsEvent[];
  }) => number;
  /** All of them, in the order in which they came. */
  readonly all: () => readonly TrackedEvent[];
}

export function createMemoryEvents(): MemoryEvents {
  const batches = new Map<string, readonly TrackedEvent[]>();
  return {
    record({ batchId, viewer, events }) {
      batches.set(
        batchId,
        events.map((event) => deepFreeze({ ...event, ...(viewer && { viewer }) })),
      );
      return events.length;
    },
    all: () => [...batches.values()].flat(),
  };
}
