import type { Connection } from '../../server/api/connection/context.ts';
import { createManager, type Manager } from '../../server/engine/manager.ts';
import type { Clock } from '../../server/engine/ports.ts';
import type { Caller } from '../../server/engine/service.ts';
import { createForwarding } from '../../server/relay/forwarding.ts';
import { createReplicas } from '../../server/relay/replicas.ts';
import { createUpstreamArchive } from '../../server/relay/upstream-archive.ts';
import { createUpstreamLog } from '../../server/relay/upstream-log.ts';
import { createUpstreamPresence } from '../../server/relay/presence/upstream-presence.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { observerOf, type Instance } from './instance.ts';
import { createProcess } from './process.ts';
import { createSimUpstream, type ForwardedMethod, type SimUpstream } from './upstream.ts';

/** A relay: to its clients a server like any other. */
export interface SimRelay extends Instance, Pick<SimUpstream, 'cut' | 'silence'> {}

export interface SimRelayOptions {
  clock: Clock;
  random: SeededRandom;
  latency: number;
  /** A server that it may stand before, if one runs. */
  upstream(): Instance | undefined;
  met: (what: string) => void;
}

/** Methods of the engine that upstream answers, and those of them that change something. */
const QUERIES = ['whenDurable', 'at', 'diff', 'history', 'list'] as const;
const MUTATIONS = ['mutate', 'push'] as const;

export function startRelay({ clock, random, latency, upstream, met }: SimRelayOptions): SimRelay {
  const process = createProcess(clock);
  const own = process.clock;
  const link = createSimUpstream({
    clock: own,
    random,
    latency,
    pick: upstream,
    onUp() {
      met('relay connected');
      replicas.onUp();
      forwarding.onUp();
    },
  });
  const stored = async (): Promise<undefined> => undefined;
  const onDistrust = (_campaignId: string, why: string): void => met(`distrust: ${why}`);
  const replicas = createReplicas({ link, clock: own, stored, onDistrust });
  const others = createUpstreamPresence(link, own, onDistrust);
  const forwarding = createForwarding(link, replicas, async () => undefined);
  const manager = createManager({
    log: createUpstreamLog(link, replicas, others, () => undefined),
    archive: createUpstreamArchive({ link, replicas, stored }),
    clock: own,
    observer: observerOf(met),
    idleTtl: 1_500,
    subscriberBuffer: 2,
  });

  /** Callers by the signal of their link, which is one for each. */
  const connections = new Map<AbortSignal | undefined, Connection>();
  const connectionOf = ({ signal, identity }: Caller): Connection => {
    const known = connections.get(signal);
    if (known) return known;
    // As much of a connection as is read.
    const connection = { closed: signal, viewer: () => undefined } as unknown as Connection;
    connections.set(signal, connection);
    forwarding.onCaller(connection, { token: JSON.stringify(identity), address: '', transport: 'ws' });
    return connection;
  };
  const forward =
    (path: ForwardedMethod['path'], type: 'query' | 'mutation') =>
    (caller: Caller, ...rest: readonly unknown[]): Promise<unknown> => {
      const { signal: _signal, identity: _identity, ...given } = caller;
      const input: ForwardedMethod['input'] = { given, rest };
      return forwarding.call(connectionOf(caller), { path, type, input, correlationId: 'sim' });
    };
  const forwarded = Object.fromEntries([
    ...QUERIES.map((path) => [path, forward(path, 'query')]),
    ...MUTATIONS.map((path) => [path, forward(path, 'mutation')]),
  ]);
  const relay: Caller = { identity: { id: 'relay', grants: {}, relaysAll: true }, correlationId: 'sim' };
  const shown: Manager = {
    ...manager,
    ...forwarded,
    replicas: {
      ...manager.replicas,
      // Answered by the origin, through a chain too.
      look: async (_caller, campaignId, seen) => {
        const given = { campaignId, ...(seen !== undefined && { seen }) };
        // What the same method has answered there.
        return (await link.query('relay.look', given, 5_000)) as Awaited<ReturnType<Manager['replicas']['look']>>;
      },
      heads: (_caller, campaignIds) => manager.replicas.heads(relay, campaignIds),
    },
  };

  const end = (): void => {
    replicas.stop();
    others.stop();
    link.stop();
    process.end();
  };

  return {
    ...process,
    manager: shown,
    get phase() {
      return process.phase;
    },
    cut: link.cut,
    silence: link.silence,
    crash: end,
    async stop(graceMs) {
      process.phase = 'draining';
      await manager.stop(graceMs);
      end();
      return true;
    },
  };
}
