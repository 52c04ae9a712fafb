import { isRetryable, RefusalError, type Refusal } from '../../../server/core/errors.ts';
import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import type { Actor } from '../../../server/core/stream/entry.ts';
import type { PresenceEvent } from '../../../server/core/presence/presence.ts';
import type { PresenceWatchEvent, WatchEvent } from '../../../server/core/stream/events.ts';
import type { ListEvent } from '../../../server/core/stream/list-events.ts';
import type { MemoryCampaign } from './memory-campaign.ts';
import { watchListed, type ListFilter } from './memory-list.ts';
import type { MemoryPage } from './memory-presence.ts';
import { memoryProcedures, noCampaign } from './memory-procedures.ts';

export interface MemorySessionOptions {
  readonly campaign: MemoryCampaign;
  readonly actor: Actor;
  /** Makes mutation ids for calls without one. */
  readonly newId: () => string;
  readonly send: (frame: string) => void;
}

/** Server's end of one connection. */
export interface MemorySession {
  receive(frame: string): void;
  close(): void;
}

/** Frame of the client: tRPC's request over WebSockets. */
interface ClientMessage {
  readonly id: number;
  readonly method: 'query' | 'mutation' | 'subscription' | 'subscription.stop';
  readonly params?: { readonly path: string; readonly input?: unknown; readonly lastEventId?: string };
}

/** Answers tRPC's messages of one connection, frame by frame, as the server does over a WebSocket. */
export function createMemorySession({ campaign, actor, newId, send }: MemorySessionOptions): MemorySession {
  let page: MemoryPage | undefined;
  const procedures = memoryProcedures(campaign, actor, newId, () => page);
  const subscriptions = new Map<number, () => void>();

  function respond(id: number, message: object): void {
    send(JSON.stringify({ id, ...message }));
  }

  async function call(id: number, path: string, input: unknown): Promise<void> {
    const [area, name] = path.split('.');
    const handlers: Partial<Record<string, Partial<Record<string, unknown>>>> = { ...procedures };
    const handler = area !== undefined && name !== undefined ? handlers[area]?.[name] : undefined;
    try {
      if (typeof handler !== 'function') throw unknownProcedure(path);
      respond(id, { result: { type: 'data', data: await handler(input) } });
    } catch (thrown) {
      if (!(thrown instanceof RefusalError)) throw thrown;
      respond(id, { error: toWireError(thrown.refusal) });
    }
  }

  /** This connection is there; returns how to leave. */
  function enter(onEvent: (event: PresenceEvent) => void): () => void {
    const entered = campaign.presence.enter(actor.id, onEvent);
    page = entered;
    return () => {
      if (page === entered) page = undefined;
      entered.leave();
    };
  }

  function watch(id: number, path: string, input: unknown, lastEventId: string | undefined): void {
    if (path === 'campaign.watchList') {
      respond(id, { result: { type: 'started' } });
      // The SDK's own client writes it, by its types.
      const filter = (input ?? {}) as ListFilter;
      const sendEvent = (event: ListEvent) => respond(id, { result: { type: 'data', data: event } });
      subscriptions.set(id, watchListed(campaign, filter, sendEvent));
      return;
    }
    const named = memberOf(input, 'campaignId');
    if (path === 'presence.watch' && named === campaign.campaignId) {
      respond(id, { result: { type: 'started' } });
      subscriptions.set(
        id,
        enter((data) => respond(id, { result: { type: 'data', data } })),
      );
      return;
    }
    const isOfJobs = memberOf(input, 'jobs') === true;
    if (path === 'lock.watch' && (isOfJobs || named === campaign.campaignId)) {
      const locks = isOfJobs ? campaign.jobLocks : campaign.locks;
      respond(id, { result: { type: 'started' } });
      const sendList = () => respond(id, { result: { type: 'data', data: locks.list() } });
      sendList();
      subscriptions.set(id, locks.onChange(sendList));
      return;
    }
    const campaignId = typeof named === 'string' ? named : campaign.campaignId;
    const refusal =
      path !== 'campaign.watch'
        ? unknownProcedure(path).refusal
        : campaignId === campaign.campaignId
          ? undefined
          : noCampaign(campaignId).refusal;
    if (refusal) return respond(id, { error: toWireError(refusal) });
    respond(id, { result: { type: 'started' } });
    // As tRPC has it: the link's own id after a reconnect, else that of the subscription's input.
    const given = lastEventId ?? memberOf(input, 'lastEventId');
    const options = {
      lastEventId: typeof given === 'string' ? given : undefined,
      receipts: memberOf(input, 'receipts') === true,
      // The SDK's own client writes it, by its types.
      viewer: memberOf(input, 'viewer') as Viewer | undefined,
    };
    let resumeId = options.lastEventId ?? '';
    const sendTracked = (event: WatchEvent | PresenceWatchEvent) =>
      respond(id, { result: { type: 'data', id: resumeId, data: { id: resumeId, data: event } } });
    const unsubscribe = campaign.subscribe(options, (next, event) => {
      resumeId = next;
      sendTracked(event);
    });
    const isWithPresence = memberOf(input, 'presence') === true;
    const leave = isWithPresence ? enter((presence) => sendTracked({ type: 'presence', presence })) : () => {};
    subscriptions.set(id, () => {
      unsubscribe();
      leave();
    });
  }

  return {
    receive(frame) {
      // The SDK's own link writes these.
      const { id, method, params } = JSON.parse(frame) as ClientMessage;
      if (method === 'subscription.stop') {
        subscriptions.get(id)?.();
        subscriptions.delete(id);
      } else if (method === 'subscription') {
        watch(id, params?.path ?? '', params?.input, params?.lastEventId);
      } else {
        void call(id, params?.path ?? '', params?.input);
      }
    },
    close() {
      for (const unsubscribe of subscriptions.values()) unsubscribe();
      subscriptions.clear();
    },
  };
}

function unknownProcedure(path: string): RefusalError {
  return new RefusalError('NOT_FOUND', `The test kit has no procedure ${path}`);
}

function toWireError({ message, ...details }: Refusal): object {
  const retryable = isRetryable({ message, ...details });
  return { code: -32600, message, data: { code: 'BAD_REQUEST', httpStatus: 400, ...details, retryable } };
}

function memberOf(input: unknown, name: string): unknown {
  return typeof input === 'object' && input !== null ? Reflect.get(input, name) : undefined;
}
