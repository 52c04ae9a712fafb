import { createTRPCClient, TRPCClientError, type Operation, type TRPCLink } from '@trpc/client';
import { observable, type Observer } from '@trpc/server/observable';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import type { Actor } from '../../../server/core/stream/entry.ts';
import { isRetryable, type Refusal } from '../../../server/core/errors.ts';
import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import { CampaignError } from '../errors.ts';
import { writable } from '../observable-value.ts';
import type { ConnectionState } from '../types.ts';
import type { MemoryCampaign } from './memory-campaign.ts';
import { KitRefusal, memoryProcedures } from './memory-procedures.ts';

/** Carries messages one way, in order; when, is its own affair. */
export type Wire = (deliver: () => void) => void;

export interface MemoryLinkOptions {
  readonly campaign: MemoryCampaign;
  readonly actor: Actor;
  readonly clock: Clock;
  readonly toServer: Wire;
  readonly toClient: Wire;
}

/** One client's link to a campaign in memory, which can be cut. */
export interface MemoryLink {
  readonly connection: Connection;
  /**
   * Cuts it: what is on the wire is lost both ways, and whoever waits for an answer is told that there will be none.
   */
  readonly drop: () => void;
  /** Brings it back; subscriptions go on after the last event that came through. */
  readonly reconnect: () => void;
}

type Output = Observer<{ result: { type: 'data'; id?: string; data: unknown } }, TRPCClientError<AppRouter>>;

interface Call {
  readonly op: Operation;
  readonly output: Output;
}

interface Subscription extends Call {
  lastEventId: string | undefined;
  stop: () => void;
}

const CONNECTED: ConnectionState = { status: 'connected', attempt: 0, retryAt: undefined, error: undefined };

/** Behaves as `createWSClient` does on a link that comes and goes. */
export function createMemoryLink({ campaign, actor, clock, toServer, toClient }: MemoryLinkOptions): MemoryLink {
  const procedures = memoryProcedures(campaign, actor, clock.id);
  const state = writable<ConnectionState>(CONNECTED);
  const renewed = writable(0);
  /** Counts the links: what belongs to an earlier one no longer arrives. */
  let generation = 0;
  let connected = true;
  let outgoing: Call[] = [];
  const waiting = new Set<Call>();
  const subscriptions = new Set<Subscription>();

  const link: TRPCLink<AppRouter> = () => {
    return ({ op }) =>
      // Its values are what the typed procedures and the watched campaign say; `observable` cannot know.
      observable<never, TRPCClientError<AppRouter>>((observer) => {
        const output = observer as unknown as Output;
        return op.type === 'subscription'
          ? watch({ op, output, lastEventId: textIn(op.input, 'lastEventId'), stop: () => {} })
          : call({ op, output });
      });
  };

  function call(made: Call): () => void {
    if (connected) send(made);
    else outgoing.push(made);
    return () => {
      waiting.delete(made);
      outgoing = outgoing.filter((other) => other !== made);
    };
  }

  function send(made: Call): void {
    const sentOn = generation;
    waiting.add(made);
    toServer(() => {
      if (sentOn !== generation) return;
      void carryOut(made.op).then((answer) =>
        toClient(() => {
          if (sentOn !== generation || !waiting.delete(made)) return;
          if (!answer.ok) return made.output.error(answer.error);
          made.output.next({ result: { type: 'data', data: answer.data } });
          made.output.complete();
        }),
      );
    });
  }

  async function carryOut({
    path,
    input,
  }: Operation): Promise<{ ok: true; data: unknown } | { ok: false; error: TRPCClientError<AppRouter> }> {
    const [area, name] = path.split('.');
    const handlers: Partial<Record<string, Partial<Record<string, unknown>>>> = { ...procedures };
    const handler = area !== undefined && name !== undefined ? handlers[area]?.[name] : undefined;
    try {
      if (typeof handler !== 'function')
        throw new KitRefusal({ reason: 'NOT_FOUND', message: `The test kit has no procedure ${path}` });
      return { ok: true, data: structuredClone(await handler(structuredClone(input))) };
    } catch (thrown) {
      if (thrown instanceof KitRefusal) return { ok: false, error: asTrpcError(thrown.refusal) };
      throw thrown;
    }
  }

  function watch(subscription: Subscription): () => void {
    subscriptions.add(subscription);
    if (connected) open(subscription);
    return () => {
      subscriptions.delete(subscription);
      subscription.stop();
    };
  }

  function open(subscription: Subscription): void {
    const openedOn = generation;
    let stopped = false;
    let unsubscribe = () => {};
    subscription.stop = () => {
      stopped = true;
      unsubscribe();
    };
    toServer(() => {
      if (stopped || openedOn !== generation) return;
      const refusal = refusalOf(subscription.op);
      if (refusal) {
        toClient(() => !stopped && subscription.output.error(asTrpcError(refusal)));
        return;
      }
      const { lastEventId, op } = subscription;
      unsubscribe = campaign.subscribe(
        { lastEventId, receipts: memberOf(op.input, 'receipts') === true },
        (id, event) => {
          const sent = structuredClone(event);
          toClient(() => {
            if (stopped || openedOn !== generation) return;
            subscription.lastEventId = id;
            subscription.output.next({ result: { type: 'data', id, data: { id, data: sent } } });
          });
        },
      );
    });
  }

  function refusalOf({ path, input }: Operation): Refusal | undefined {
    if (path !== 'campaign.watch') return { reason: 'NOT_FOUND', message: `The test kit has no procedure ${path}` };
    const campaignId = textIn(input, 'campaignId') ?? campaign.campaignId;
    if (campaignId === campaign.campaignId) return undefined;
    return { reason: 'NOT_FOUND', message: `campaignId: there is no campaign ${campaignId}`, path: ['campaignId'] };
  }

  function drop(): void {
    if (!connected) return;
    connected = false;
    generation += 1;
    for (const { stop } of subscriptions) stop();
    const error = new CampaignError({ reason: 'UNAVAILABLE', message: 'The connection was lost', retryable: true });
    state.set({ status: 'reconnecting', attempt: 1, retryAt: undefined, error });
    const lost = [...waiting];
    waiting.clear();
    for (const { output } of lost) output.error(TRPCClientError.from(new Error('WebSocket closed')));
  }

  function reconnect(): void {
    if (connected) return;
    connected = true;
    state.set(CONNECTED);
    renewed.set(renewed.getSnapshot() + 1);
    for (const made of outgoing.splice(0)) send(made);
    for (const subscription of subscriptions) open(subscription);
  }

  return {
    drop,
    reconnect,
    connection: {
      state,
      trpc: createTRPCClient<AppRouter>({ links: [link] }),
      authenticate: async () => renewed.set(renewed.getSnapshot() + 1),
      unauthorized: (error) => state.set({ status: 'needs-auth', attempt: 0, retryAt: undefined, error }),
      hasToken: () => false,
      onRenewed: (callback) => renewed.subscribe(callback),
      close() {
        drop();
        state.set({ status: 'closed', attempt: 0, retryAt: undefined, error: undefined });
      },
    },
  };
}

function memberOf(input: unknown, name: string): unknown {
  return typeof input === 'object' && input !== null ? Reflect.get(input, name) : undefined;
}

function textIn(input: unknown, name: string): string | undefined {
  const value = memberOf(input, name);
  return typeof value === 'string' ? value : undefined;
}

function asTrpcError(refusal: Refusal): TRPCClientError<AppRouter> {
  const { message, ...details } = refusal;
  const data = { code: 'BAD_REQUEST', httpStatus: 400, ...details, retryable: isRetryable(refusal) };
  return TRPCClientError.from({ error: { code: -32600, message, data } });
}
