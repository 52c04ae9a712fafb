import { useEffect, useRef, useState } from 'react';
import { trpc } from '@campaign-state/client/react';
import type { Refused } from '../status/say-refusal.ts';
import { keepEvent, KEPT_EVENTS, withSample, type Sample, type Timing, type TraceEvent } from './figures.ts';

/** What is known of the server while this is open. */
export interface Live {
  readonly samples: readonly Sample[];
  /** Mutations, the newest first. */
  readonly events: readonly TraceEvent[];
  /** Why there are no figures, and why nothing is traced. */
  readonly statsError: Refused | undefined;
  readonly traceError: Refused | undefined;
}

/** Times of mutations that are kept: more than are made within the window of the percentiles, or nearly so. */
const KEPT_TIMINGS = 20_000;
/** The interval at which new mutations are shown, in milliseconds: thousands may be made in a second. */
const SHOW_MS = 250;

/** The figures of the server that answers, every second, and the mutations that it makes meanwhile. */
export function useLive(): Live {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const [events, setEvents] = useState<readonly TraceEvent[]>([]);
  const timings = useRef<Timing[]>([]);
  const waiting = useRef<TraceEvent[]>([]);
  const stats = trpc.system.stats.useSubscription(undefined, {
    onData: (data) => setSamples((before) => withSample(before, data, timings.current, Date.now())),
  });
  const trace = trpc.system.trace.useSubscription(undefined, {
    onData(event) {
      keepEvent(waiting.current, event);
      timings.current.push({ at: Date.now(), milliseconds: event.milliseconds });
      if (timings.current.length > KEPT_TIMINGS) timings.current.splice(0, KEPT_TIMINGS / 2);
    },
  });

  useEffect(() => {
    const timer = setInterval(() => {
      const newest = waiting.current.splice(0).reverse();
      if (newest.length > 0) setEvents((before) => [...newest, ...before].slice(0, KEPT_EVENTS));
    }, SHOW_MS);
    return () => clearInterval(timer);
  }, []);

  return { samples, events, statsError: stats.error ?? undefined, traceError: trace.error ?? undefined };
}
