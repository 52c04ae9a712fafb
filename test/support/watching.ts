import type { Identity } from '../../server/core/permissions.ts';
import type { Manager } from '../../server/engine/manager.ts';
import type { Reader, ResumableEvent, WatchOptions } from '../../server/engine/service.ts';
import { CALLERS, CAMPAIGN } from './engine-world.ts';
import { streamMirror, type StreamMirror } from './stream-mirror.ts';

/** A reader whose rights and socket the test holds in its hands. */
export interface TestReader extends Reader {
  /** New rights on the live connection. */
  become(identity: Identity): void;
  /** Bytes that its socket holds unsent from now on. */
  hold(bytes: number): void;
  /** How many still listen to it; what is over must have left none. */
  readonly listeners: number;
  /** Whether its socket was given up. */
  readonly disconnected: boolean;
}

export function testReader(first: Identity = CALLERS.viewer.identity): TestReader {
  let identity = first;
  let buffered = 0;
  let disconnected = false;
  const listeners = new Set<() => void>();
  return {
    identity: () => identity,
    bufferedBytes: () => buffered,
    disconnect() {
      disconnected = true;
    },
    get disconnected() {
      return disconnected;
    },
    onIdentity(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    become(next) {
      identity = next;
      for (const listener of listeners) listener();
    },
    hold(bytes) {
      buffered = bytes;
    },
    get listeners() {
      return listeners.size;
    },
  };
}

/** A subscription that is read as fast as it comes, as the adapter does. */
export interface Watching {
  events: ResumableEvent[];
  /** What the events add up to; it throws, and ends the watching with that error, where the line breaks. */
  mirror: StreamMirror;
  reader: TestReader;
  iterator: AsyncIterableIterator<ResumableEvent>;
  /** How it ended, once it has. */
  end: 'closed' | Error | undefined;
  /** Goes away, as a closed socket does. */
  abort(): void;
}

export function watch(manager: Manager, options: Partial<WatchOptions> = {}, reader: TestReader = testReader()): Watching {
  const controller = new AbortController();
  const caller = { identity: reader.identity(), correlationId: 'c-watch', signal: controller.signal };
  const iterator = manager.watch(caller, reader, { campaignId: CAMPAIGN, ...options });
  const watching: Watching = {
    events: [],
    mirror: streamMirror(),
    reader,
    iterator,
    end: undefined,
    abort: () => controller.abort(),
  };
  void read(watching);
  return watching;
}

async function read(watching: Watching): Promise<void> {
  try {
    for await (const event of watching.iterator) {
      watching.events.push(event);
      // A restricted view is folded in the same way; what it does not show is in neither.
      watching.mirror.take(event);
    }
    watching.end = 'closed';
  } catch (error) {
    watching.end = error instanceof Error ? error : new Error(String(error));
  }
}
