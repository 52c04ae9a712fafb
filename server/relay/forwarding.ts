import { RefusalError } from '../core/errors.ts';
import type { Connection } from '../api/connection/context.ts';
import type { ForwardedCall, ForwardedCaller, Upstream } from '../api/connection/upstream.ts';
import type { Replicas } from './replicas.ts';
import { createUpstreamIterator } from './upstream-iterator.ts';
import { LINK_LOST, type UpstreamLink } from './upstream-link.ts';

/** The forwarding of a relay, with what its process tells it. */
export interface Forwarding extends Upstream {
  /** The link is there again: subscriptions are opened anew. */
  onUp(): void;
}

/** What a relay answers by itself, of the campaigns that it holds and of its own connections. */
const OWN: ReadonlySet<string> = new Set([
  'campaign.get',
  'campaign.watch',
  'campaign.watchMany',
  'session.info',
  'session.authenticate',
  'session.setViewer',
  'system.info',
  'system.stats',
  'relay.hello',
  'relay.watch',
  'relay.enter',
  'relay.leave',
  'relay.forward',
  'relay.subscribe',
]);

/** How long upstream may take to answer, in milliseconds: it waits for durability for thirty seconds. */
const CALL_TIMEOUT_MS = 45_000;
/** Whoever waits for a lock may wait for five minutes. */
const LOCK_TIMEOUT_MS = 310_000;
/** How long an answer waits for what it is about to come by the stream, in milliseconds. */
const OWN_CHANGE_MS = 2_000;

interface Caller {
  readonly key: string;
  token: string | undefined;
  readonly address: string;
  readonly transport: ForwardedCaller['transport'];
  /** The link on which upstream was told of it and its token; `undefined`: on none. */
  enteredOn: number | undefined;
  /** Whether upstream is told when it disconnects. */
  isFollowed: boolean;
  /** The viewer that upstream was told. */
  viewerRevision: number;
}

/**
 * Forwards calls to upstream, each with the token of whoever made it: upstream judges it by that, as if it had come
 * there. The answer to a change is given once the change is here, so that whoever made it finds it.
 *
 * @param onRevoked somebody has revoked an API key through this relay
 */
export function createForwarding(link: UpstreamLink, replicas: Replicas, onRevoked: () => Promise<void>): Forwarding {
  const callers = new WeakMap<Connection, Caller>();
  const reopening = new Set<() => void>();
  let keys = 0;

  const callerOf = (connection: Connection): Caller => {
    const caller = callers.get(connection);
    if (!caller) throw new RefusalError('UNAUTHORIZED', 'A token is needed: none was sent');
    return caller;
  };

  const enter = (connection: Connection): Caller => {
    const caller = callerOf(connection);
    if (caller.enteredOn === link.generation) return caller;
    const { key, token, address, transport } = caller;
    link.tell('relay.enter', { caller: key, address, transport, ...(token !== undefined && { token }) });
    caller.enteredOn = link.generation;
    caller.viewerRevision = 0;
    // Once for each connection: those that only read upstream never hears of.
    if (!caller.isFollowed)
      connection.closed?.addEventListener(
        'abort',
        () => {
          if (caller.enteredOn === link.generation) link.tell('relay.leave', { caller: key });
        },
        { once: true },
      );
    caller.isFollowed = true;
    return caller;
  };

  const envelopeOf = (connection: Connection, { path, input, correlationId }: ForwardedCall) => {
    const caller = enter(connection);
    const named = connection.viewer?.();
    const isTold = (named?.revision ?? 0) === caller.viewerRevision;
    caller.viewerRevision = named?.revision ?? 0;
    return { caller: caller.key, path, input, correlationId, ...(!isTold && { viewer: named?.viewer ?? null }) };
  };

  const waitForOwn = async (answer: unknown): Promise<void> => {
    await Promise.all(
      receiptsIn(answer).map(({ campaignId, position }) => replicas.reached(campaignId, position, OWN_CHANGE_MS)),
    );
  };

  return {
    forwards: (path) => !OWN.has(path),

    onCaller(connection, { token, address = '', transport = 'http' }) {
      const known = callers.get(connection);
      if (known) {
        known.token = token;
        known.enteredOn = undefined;
        return;
      }
      callers.set(connection, {
        key: (keys += 1).toString(36),
        token,
        address,
        transport,
        enteredOn: undefined,
        isFollowed: false,
        viewerRevision: 0,
      });
    },

    async call(connection, call) {
      if (!link.isUp) throw LINK_LOST;
      const envelope = envelopeOf(connection, call);
      const timeoutMs = call.path === 'lock.acquire' ? LOCK_TIMEOUT_MS : CALL_TIMEOUT_MS;
      try {
        const answer = await link.query('relay.forward', { ...envelope, type: call.type }, timeoutMs);
        if (call.type === 'mutation') await waitForOwn(answer);
        // A key that was revoked here ends here at once; elsewhere within ten seconds.
        if (call.path === 'access.revoke') await onRevoked();
        return answer;
      } finally {
        if (!connection.closed) {
          const caller = callerOf(connection);
          if (caller.enteredOn === link.generation) link.tell('relay.leave', { caller: caller.key });
          caller.enteredOn = undefined;
        }
      }
    },

    subscribe(connection, call) {
      let stop = (): void => undefined;
      const iterator = createUpstreamIterator(() => {
        reopening.delete(open);
        stop();
      });
      function open(): void {
        stop = link.subscribe('relay.subscribe', envelopeOf(connection, call), {
          onData: (data) => iterator.push(data),
          onEnd(error) {
            // It begins anew with the whole picture, as after any reconnect.
            if (error === LINK_LOST) reopening.add(open);
            else iterator.end(error);
          },
        });
      }
      if (link.isUp) open();
      else iterator.end(LINK_LOST);
      return iterator;
    },

    onUp() {
      const waiting = [...reopening];
      reopening.clear();
      for (const open of waiting) open();
    },
  };
}

interface Named {
  readonly campaignId: string;
  readonly position: string;
}

/** The receipts in an answer: it is one, or a list of outcomes with one each. */
function receiptsIn(answer: unknown): Named[] {
  if (Array.isArray(answer)) {
    const last = answer.flatMap((outcome: unknown) => (hasReceipt(outcome) ? receiptsIn(outcome.receipt) : [])).at(-1);
    return last ? [last] : [];
  }
  return isNamed(answer) ? [answer] : [];
}

function hasReceipt(outcome: unknown): outcome is { receipt: unknown } {
  return typeof outcome === 'object' && outcome !== null && 'receipt' in outcome;
}

function isNamed(answer: unknown): answer is Named {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    'campaignId' in answer &&
    typeof answer.campaignId === 'string' &&
    'position' in answer &&
    typeof answer.position === 'string' &&
    !('dryRun' in answer)
  );
}
