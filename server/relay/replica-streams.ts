import { asError } from '../core/errors.ts';
import type { Position } from '../core/stream/position.ts';
import type { Clock } from '../engine/ports.ts';
import { createOpenGate } from './open-gate.ts';
import type { UpstreamLink } from './upstream-link.ts';

/** What the stream of a campaign is asked with. */
interface WatchInput {
  readonly campaignId: string;
  /** Where the relay stands; missing: it is to begin with an image. */
  readonly position?: Position;
}

/** What a stream says; nothing any more once it was ended here. */
interface StreamListener {
  onData(data: unknown): void;
  onEnd(error: Error | undefined): void;
  /** Its first event has not come in time. It is still open. */
  onSilent(): void;
}

/** Streams of campaigns, of which only some are opened at once. */
export interface ReplicaStreams {
  /**
   * Opens a stream when it is its turn.
   *
   * @param inputOf asked then
   * @returns ends it
   */
  open(inputOf: () => WatchInput, listener: StreamListener): () => void;
}

/** Streams that wait for their first event at once: an image can have a megabyte and more. */
const OPENING_AT_ONCE = 8;
/** How long each of them may be silent, in milliseconds: those that wait behind it have done nothing. */
const OPEN_TIMEOUT_MS = 10_000;

export function createReplicaStreams(link: UpstreamLink, clock: Pick<Clock, 'after'>): ReplicaStreams {
  const gate = createOpenGate(OPENING_AT_ONCE);

  return {
    open(inputOf, listener) {
      let isEnded = false;
      let stop = (): void => undefined;
      let cancelTimeout = (): void => undefined;
      /** Its first event has come, or none will: the next stream may be opened. */
      const begun = (): void => {
        cancelTimeout();
        release();
      };
      const onEnd = (error: Error | undefined): void => {
        begun();
        if (!isEnded) listener.onEnd(error);
      };
      const release = gate.enter(() => {
        if (isEnded) return;
        cancelTimeout = clock.after(OPEN_TIMEOUT_MS, listener.onSilent);
        try {
          stop = link.subscribe('relay.watch', inputOf(), {
            onData(data) {
              begun();
              if (!isEnded) listener.onData(data);
            },
            onEnd,
          });
        } catch (error) {
          onEnd(asError(error));
        }
      });
      return () => {
        isEnded = true;
        begun();
        stop();
      };
    },
  };
}
