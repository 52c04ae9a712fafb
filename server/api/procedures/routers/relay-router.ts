import { RefusalError } from '../../../core/errors.ts';
import type { FleetLoad } from '../../../core/fleet.ts';
import { isRelay, mayRelay, type Identity } from '../../../core/permissions.ts';
import type { RelayedPresence } from '../../../core/presence/presence.ts';
import {
  proofAfter,
  type CampaignLook,
  type RelayedPresenceMessage,
  type RelaySettings,
  type ReplicaMessage,
} from '../../../core/stream/replica.ts';
import { forbidden } from '../../../engine/refusals.ts';
import type { CampaignHead } from '../../../engine/service.ts';
import { tooManyCalls } from '../../connection/connection.ts';
import type { RelayedCallers } from '../../connection/relayed-callers.ts';
import { parsedBy } from '../parse-input.ts';
import { callerOf, entryProcedure, procedure, router, subscriptionProcedure } from '../procedures.ts';
import type { CallContext } from '../run-call.ts';
import { replicaStream } from '../subscriptions/replica-stream.ts';
import { subscriptionOf } from '../subscriptions/subscription.ts';
import {
  relayCallInput,
  relayEnterInput,
  relayFleetInput,
  relayHeadsInput,
  relayIdentifyInput,
  relayLeaveInput,
  relayLookInput,
  relaySubscribeInput,
  relayViewersInput,
  relayWatchInput,
} from '../schemas/relay-schemas.ts';
import { campaignInput } from '../schemas/parts.ts';

/**
 * What relays ask of their upstream, over one ws connection ([the protocol](../../../relay/README.md)). A relay's key
 * reads campaigns as they are; whatever it forwards is judged by the token of whoever has called it.
 */
export const relayRouter = router({
  /** The first call of a relay: from here on its connection counts as one. */
  hello: procedure.query(({ ctx }): RelaySettings => {
    admitRelay(ctx);
    ctx.connection.becomeRelay();
    return ctx.relaySettings;
  }),

  /** A campaign as it is, then everything that follows. */
  watch: subscriptionProcedure.input(parsedBy(relayWatchInput)).subscription(({ ctx, input, signal }) =>
    subscriptionOf(
      ctx,
      input.campaignId,
      (): AsyncIterator<ReplicaMessage> => {
        refuseOverdrawn(ctx);
        const source = replicaStream(ctx, callerOf(ctx, signal), input);
        // Without `hello` it is bounded as any other connection.
        const close = ctx.relayed()?.openCampaign();
        return close ? closing(source, close) : source;
      },
      (message) => message,
    ),
  ),

  /** Whether there is such a campaign, and how it stands. */
  look: procedure.input(parsedBy(relayLookInput)).query(({ ctx, input, signal }): Promise<CampaignLook> => {
    refuseOverdrawn(ctx);
    return ctx.service.replicas.look(callerOf(ctx, signal), input.campaignId, input.seen);
  }),

  /** How those of these campaigns stand that the relay has open: it compares them once in a while. */
  heads: procedure
    .input(parsedBy(relayHeadsInput))
    .query(({ ctx, input, signal }): readonly CampaignHead[] =>
      ctx.service.replicas.heads(callerOf(ctx, signal), input.campaignIds),
    ),

  /** Who is at a campaign, whatever way they have come but through this relay, then what changes. */
  presence: subscriptionProcedure
    .input(parsedBy(campaignInput))
    .subscription(({ ctx, input, signal }) =>
      subscriptionOf(
        ctx,
        input.campaignId,
        () => ctx.service.presence.relayed(callerOf(ctx, signal), ctx.connection, input.campaignId),
        proven(),
      ),
    ),

  /** How many streams of campaigns are open at the relay: whenever that changes. */
  viewers: procedure.input(parsedBy(relayViewersInput)).query(({ ctx, input, signal }): { counted: true } => {
    relayed(ctx);
    ctx.service.replicas.count(callerOf(ctx, signal), ctx.connection, input.counts);
    return { counted: true };
  }),

  /** How many clients the relay has: answers how many those of its fleet have together. */
  fleet: procedure.input(parsedBy(relayFleetInput)).query(({ ctx, input }): Promise<FleetLoad> => {
    const { connection } = ctx;
    // What it says moves clients, whatever campaigns they watch.
    if (!mayRelay(connection.admitted(), '*')) throw forbidden('*', 'relay');
    refuseOverdrawn(ctx);
    const by = { connection, closed: connection.closed ?? AbortSignal.abort() };
    return ctx.service.fleets.report(input.fleet, input.member, input.connections, by);
  }),

  /** The identity of an API key that somebody has shown to the relay, which has none of the keys. */
  identify: entryProcedure.input(parsedBy(relayIdentifyInput)).query(({ ctx, input }): Promise<Identity> => {
    admitRelay(ctx);
    refuseOverdrawn(ctx);
    return ctx.authenticate(input.token, input.recheck);
  }),

  /** Somebody calls through the relay, or shows it another token. */
  enter: entryProcedure.input(parsedBy(relayEnterInput)).query(({ ctx, input }): { entered: true } => {
    const { caller, token, address, transport } = input;
    relayed(ctx).enter(caller, { token, address, transport });
    return { entered: true };
  }),

  /** That caller has disconnected. */
  leave: procedure.input(parsedBy(relayLeaveInput)).query(({ ctx, input }): { left: true } => {
    relayed(ctx).leave(input.caller);
    return { left: true };
  }),

  /** A query or mutation of that caller's. A query here, because its place is in the order of its own connection. */
  forward: procedure.input(parsedBy(relayCallInput)).query(({ ctx, input, signal }): Promise<unknown> => {
    const { caller, path, type, input: own, correlationId, viewer } = input;
    return relayed(ctx).call(caller, { path, type, input: own, correlationId, viewer }, signal);
  }),

  /** A subscription of that caller's. */
  subscribe: subscriptionProcedure.input(parsedBy(relaySubscribeInput)).subscription(({ ctx, input, signal }) => {
    const { caller, path, input: own, correlationId, viewer } = input;
    const call = { path, type: 'subscription', input: own, correlationId, viewer } as const;
    return subscriptionOf(
      ctx,
      undefined,
      () => opened(relayed(ctx).call(caller, call, signal)),
      (value) => value,
    );
  }),
});

function admitRelay({ connection }: CallContext): void {
  if (!isRelay(connection.admitted())) throw forbidden('*', 'relay');
}

/** @throws RefusalError where the relay has overdrawn its budget */
function refuseOverdrawn({ connection }: CallContext): void {
  const waitMs = connection.relayWaitMs();
  if (waitMs > 0) throw tooManyCalls(waitMs);
}

/** Proves the events of one stream, from its first. */
function proven(): (event: RelayedPresence) => RelayedPresenceMessage {
  let proof = '';
  return (event) => {
    proof = proofAfter(proof, event);
    return { proof, event };
  };
}

function relayed(ctx: CallContext): RelayedCallers {
  admitRelay(ctx);
  const callers = ctx.relayed();
  if (!callers) throw new RefusalError('INVALID', 'relay: a relay says relay.hello first, over ws');
  return callers;
}

/** Closes something once its source has ended, from whichever side. */
function closing<T>(source: AsyncIterator<T>, close: () => void): AsyncIterator<T> {
  return {
    async next() {
      try {
        const result = await source.next();
        if (result.done === true) close();
        return result;
      } catch (error) {
        close();
        throw error;
      }
    },
    async return() {
      close();
      return (await source.return?.()) ?? { done: true, value: undefined };
    },
  };
}

/** The iterator that a subscription's procedure answers with, once it has. */
function opened(answer: Promise<unknown>): AsyncIterator<unknown> {
  // What a subscription's procedure returns (`subscriptions/subscription.ts`).
  const iterator = answer.then((made) => (made as AsyncIterable<unknown>)[Symbol.asyncIterator]());
  iterator.catch(() => undefined);
  return {
    next: async () => (await iterator).next(),
    async return() {
      const made = await iterator.catch(() => undefined);
      return (await made?.return?.()) ?? { done: true, value: undefined };
    },
  };
}
