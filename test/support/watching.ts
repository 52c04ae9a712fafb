import type { Identity } from '../../server/core/permissions.ts';
import type { Manager } from '../../server/engine/manager.ts';
import type { Viewer } from '../../server/core/document/targeting-fields.ts';
import type { Caller, NamedViewer, Reader, ResumableEvent, WatchOptions } from '../../server/engine/service.ts';
import { CALLERS, CAMPAIGN } from './engine-world.ts';
import { streamMirror, type StreamMirror } from './stream-mirror.ts';

/** A reader whose rights and socket the test holds in its hands. */
export interface TestReader extends Reader {
  /** New rights on the live connection. */
  become(identity: Identity): void;
  /** Another viewer on the live connection. */
  setViewer(viewer: Viewer | undefined): void;
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
  let named: NamedViewer | undefined;
  const listeners = new Set<() => void>();
  return {
    identity: () => identity,
    viewer: () => named,
    setViewer(viewer) {
      named = { viewer, revision: (named?.revision ?? 0) + 1 };
      for (const listener of listeners) listener();
    },
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

/** The two ways in which events reach a reader: pulled one by one, or pushed. */
export const WAYS = ['pull', 'push'] as const;
export type Way = (typeof WAYS)[number];

/** A subscription that is read as fast as it comes, as the adapter does. */
export interface Watching {
  events: ResumableEvent[];
  /** What the events add up to; where they break the line, the watching ends with that error. */
  mirror: StreamMirror;
  reader: TestReader;
  /** How it ended, once it has. */
  end: 'closed' | Error | undefined;
  /** Goes away, as a closed socket does. */
  abort(): void;
  /** Asks for no more, as a client that unsubscribes. */
  leave(): void;
}

export function watch(
  manager: Manager,
  options: Partial<WatchOptions> = {},
  reader: TestReader = testReader(),
  way: Way = 'pull',
): Watching {
  const controller = new AbortController();
  const watching: Watching = {
    events: [],
    mirror: streamMirror(options.lastEventId),
    reader,
    end: undefined,
    abort: () => controller.abort(),
    leave: () => undefined,
  };
  const caller = { identity: reader.identity(), correlationId: 'c-watch', signal: controller.signal };
  const begun = way === 'pull' ? pull(manager, caller, options, watching) : push(manager, caller, options, watching);
  begun.catch((error: unknown) => {
    watching.end ??= error instanceof Error ? error : new Error(String(error));
  });
  return watching;
}

function take(watching: Watching, event: ResumableEvent): void {
  watching.events.push(event);
  watching.mirror.take(event);
}

async function pull(
  manager: Manager,
  caller: Caller,
  options: Partial<WatchOptions>,
  watching: Watching,
): Promise<void> {
  const iterator = manager.watch(caller, watching.reader, { campaignId: CAMPAIGN, ...options });
  watching.leave = () => void iterator.return?.();
  for await (const event of iterator) take(watching, event);
  watching.end = 'closed';
}

async function push(
  manager: Manager,
  caller: Caller,
  options: Partial<WatchOptions>,
  watching: Watching,
): Promise<void> {
  const end = (error: unknown): void => {
    watching.end ??= error instanceof Error ? error : 'closed';
  };
  const send = (event: ResumableEvent): void => {
    if (watching.end) throw new Error('it is sent something after its end');
    try {
      take(watching, event);
    } catch (error) {
      end(error);
    }
  };
  let left = false;
  watching.leave = () => {
    left = true;
    end(undefined);
  };
  caller.signal?.addEventListener('abort', () => watching.leave());
  const slot = await manager.join(caller, { reader: watching.reader, send, end }, { campaignId: CAMPAIGN, ...options });
  watching.leave = () => {
    slot.leave();
    end(undefined);
  };
  if (left || caller.signal?.aborted === true) return watching.leave();
  try {
    send(slot.first());
  } catch (error) {
    slot.leave();
    throw error;
  }
}
