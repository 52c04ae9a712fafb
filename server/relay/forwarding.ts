import { asError, RefusalError } from '../core/errors.ts';
import type { Connection } from '../api/connection/context.ts';
import type { CallForwarding, ForwardedCall, ForwardedCaller } from '../api/connection/upstream.ts';
import type { Replicas } from './replicas.ts';
import { createUpstreamIterator } from './upstream-iterator.ts';
import { LINK_LOST, type UpstreamLink } from './upstream-link.ts';

/** The forwarding of a relay, with what its process tells it. */
export interface Forwarding extends CallForwarding {
  /** The link is there again: subscriptions are opened anew. */
  onUp(): void;
}

/** What a relay answers by itself, of the campaigns that it holds and of its own connections. */
const OWN: ReadonlySet<string> = new Set([
  'campaign.get',
  'campaign.watch',
  'campaign.watchMany',
  'presence.watch',
  'presence.attend',
  'presence.set',
  'session.info',
  'session.authenticate',
  'session.setViewer',
  'system.info',
  'system.stats',
  'relay.hello',
  'relay.watch',
  'relay.presence',
  'relay.viewers',
  'relay.enter',
  'relay.leave',
  'relay.forward',
  'relay.subscribe',
]);

/** What may end API keys. */
const ENDS_KEYS: ReadonlySet<string> = new Set(['access.revoke', 'preview.revoke', 'campaign.delete']);

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
  /** The link on which upstream was told of it, and has to be told when it leaves; `undefined`: on none. */
  enteredOn: number | undefined;
  /** Whether upstream was told its newest token there. */
  hasToldToken: boolean;
  /** Calls and subscriptions of it that are under way. */
  underWay: number;
  /** Whether upstream is told when it disconnects. */
  isFollowed: boolean;
  /** The viewer that upstream was told. */
  viewerRevision: number;
}

/** What of a call goes upstream. */
type Envelope = Omit<ForwardedCall, 'type'> & { readonly caller: string; readonly viewer?: unknown };

/**
 * Forwards calls to upstream, each with the token of whoever made it: upstream judges it by that, as if it had come
 * there. The answer to a change is given once the change is here, so that whoever made it finds it.
 *
 * Whatever upstream was told is remembered once it is sent, and not before: a call that cannot be sent changes nothing.
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

  const leave = (caller: Caller): void => {
    if (caller.enteredOn === link.generation && link.isUp)
      link.tell('relay.leave', { caller: caller.key }).catch(() => undefined);
    caller.enteredOn = undefined;
  };

  /** Tells upstream of a caller that it does not know, or of its new token. */
  const enter = (connection: Connection, caller: Caller): void => {
    const { generation } = link;
    if (caller.enteredOn === generation && caller.hasToldToken) return;
    const { key, token, address, transport } = caller;
    const entering = link.tell('relay.enter', {
      caller: key,
      address,
      transport,
      ...(token !== undefined && { token }),
    });
    Object.assign(caller, { enteredOn: generation, hasToldToken: true, viewerRevision: 0 });
    // What upstream has refused, or may not have heard, it is told again with the next call.
    entering.catch(() => {
      if (caller.enteredOn === generation && caller.token === token) caller.hasToldToken = false;
    });
    // Once for each connection: those that only read upstream never hears of.
    if (!caller.isFollowed) connection.closed?.addEventListener('abort', () => leave(caller), { once: true });
    caller.isFollowed = true;
  };

  /** Counts what is under way of a caller; one whose connection does not stay open leaves with the last of it. */
  const begin = (connection: Connection, caller: Caller): (() => void) => {
    caller.underWay += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      caller.underWay -= 1;
      if (caller.underWay === 0 && connection.closed?.aborted !== false) leave(caller);
    };
  };

  const pass = <T>(
    connection: Connection,
    caller: Caller,
    { path, input, correlationId }: ForwardedCall,
    send: (envelope: Envelope) => T,
  ): T => {
    const closed = link.refusal();
    if (closed) throw closed;
    enter(connection, caller);
    const named = connection.viewer?.();
    const revision = named?.revision ?? 0;
    const isTold = revision === caller.viewerRevision;
    const sent = send({
      caller: caller.key,
      path,
      input,
      correlationId,
      ...(!isTold && { viewer: named?.viewer ?? null }),
    });
    caller.viewerRevision = revision;
    return sent;
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
      if (!known) {
        callers.set(connection, {
          key: (keys += 1).toString(36),
          token,
          address,
          transport,
          enteredOn: undefined,
          hasToldToken: false,
          underWay: 0,
          isFollowed: false,
          viewerRevision: 0,
        });
        return;
      }
      known.token = token;
      known.hasToldToken = false;
      // Its subscriptions there have other rights from now on.
      if (link.isUp && known.enteredOn === link.generation) enter(connection, known);
    },

    async call(connection, call) {
      const caller = callerOf(connection);
      const end = begin(connection, caller);
      const timeoutMs = call.path === 'lock.acquire' ? LOCK_TIMEOUT_MS : CALL_TIMEOUT_MS;
      try {
        const answer = await pass(connection, caller, call, (envelope) =>
          link.query('relay.forward', { ...envelope, type: call.type }, timeoutMs),
        );
        if (call.type === 'mutation') await waitForOwn(answer);
        // A key that was revoked here, or has gone with its campaign, ends here at once; elsewhere within ten seconds.
        if (ENDS_KEYS.has(call.path)) await onRevoked();
        return answer;
      } finally {
        end();
      }
    },

    subscribe(connection, call) {
      const caller = callerOf(connection);
      const end = begin(connection, caller);
      let stop = (): void => undefined;
      const iterator = createUpstreamIterator(() => {
        reopening.delete(open);
        stop();
        end();
      });
      const onEnd = (error: Error | undefined): void => {
        // It begins anew with the whole picture, as after any reconnect.
        if (error === LINK_LOST) reopening.add(open);
        else iterator.end(error);
      };
      function open(): void {
        try {
          stop = pass(connection, caller, call, (envelope) =>
            link.subscribe('relay.subscribe', envelope, { onData: iterator.push, onEnd }),
          );
        } catch (error) {
          onEnd(asError(error));
        }
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
