import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom, type SeededRandom } from '../../support/seeded-random.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';
import { over } from '../campaigns.ts';
import type { Instance } from '../instance.ts';
import { startWorld, type World } from '../world.ts';
import { checkEdits, type EditEntry, type Seen } from './check.ts';
import type { HolderReport } from './holder.ts';

export interface LockRunOptions {
  readonly seed: number;
  /** Default: all of them, each once. */
  readonly faults?: readonly LockFaultName[];
  /** Then random ones, until all of it has lasted so long, in milliseconds. */
  readonly lasts: number;
  say(text: string): void;
}

export interface LockRunResult {
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<'grants' | 'edits' | 'lost' | 'locked' | 'faults', number>>;
  /** The longest time until somebody had the lock again, by fault, in milliseconds. */
  readonly longest: ReadonlyMap<string, number>;
  readonly logs: Readonly<Record<string, readonly string[]>>;
}

const ID = 'faults_locked';
const HOLDERS = 4;
const TTL_MS = 2_000;
/** Beyond the ttl nobody is locked out for longer, whatever has died: the promise of `docs/locks.md`. */
const LOCKOUT_MS = 3_000;
const HOLDER = join(import.meta.dirname, 'holder.ts');

interface Holder {
  /** Leads to an instance of its own, or to another where that is gone: somebody waits at each of them. */
  readonly port: number;
  process: ChildProcess;
  isHolding: boolean;
}

interface Reach {
  readonly world: World;
  readonly holders: Holder[];
  readonly random: SeededRandom;
  respawn(holder: Holder): void;
}

interface LockFault {
  /** From when on the next grant is waited for: when it happens, or once it is healed. */
  readonly countsFrom: 'fault' | 'healing';
  /** @returns ends it */
  inflict(reach: Reach): Promise<() => Promise<void> | void>;
}

function holding({ holders, random }: Reach): Holder {
  return holders.find(({ isHolding }) => isHolding) ?? random.pick(holders);
}

function anInstance({ world, random }: Reach): Instance {
  return random.pick(world.instances);
}

const FAULTS = {
  'kill -9 of the holder': {
    countsFrom: 'fault',
    async inflict(reach) {
      const holder = holding(reach);
      holder.process.kill('SIGKILL');
      reach.respawn(holder);
      return () => undefined;
    },
  },
  'SIGSTOP of the holder, beyond its lease': {
    countsFrom: 'fault',
    async inflict(reach) {
      const holder = holding(reach);
      holder.process.kill('SIGSTOP');
      return async () => {
        await pause(2 * TTL_MS);
        holder.process.kill('SIGCONT');
      };
    },
  },
  'SIGSTOP of Redis': {
    countsFrom: 'healing',
    async inflict({ world }) {
      world.redis.pause();
      return async () => {
        await pause(TTL_MS);
        world.redis.resume();
      };
    },
  },
  'kill -9 of Redis': {
    countsFrom: 'healing',
    async inflict({ world }) {
      await world.redis.kill();
      return () => world.redis.restart();
    },
  },
  FLUSHALL: {
    countsFrom: 'healing',
    async inflict({ world }) {
      await world.redis.flush();
      return () => undefined;
    },
  },
  'kill -9 of an instance': {
    countsFrom: 'fault',
    async inflict(reach) {
      const instance = anInstance(reach);
      await instance.kill();
      return () => instance.start();
    },
  },
  'SIGSTOP of an instance': {
    countsFrom: 'fault',
    async inflict(reach) {
      const instance = anInstance(reach);
      instance.pause();
      return async () => {
        await pause(2 * TTL_MS);
        instance.resume();
      };
    },
  },
} satisfies Record<string, LockFault>;

export type LockFaultName = keyof typeof FAULTS;
export const LOCK_FAULTS = Object.keys(FAULTS) as LockFaultName[];

/**
 * One run: holders in processes of their own that take turns at one lock, somebody who edits without it, and faults,
 * each followed by calm; then the history is judged.
 */
export async function runLockFaults({
  seed,
  faults = LOCK_FAULTS,
  lasts,
  say,
}: LockRunOptions): Promise<LockRunResult> {
  const random = seededRandom(seed);
  const world = await startWorld({ instances: 2 });
  const counts = { grants: 0, edits: 0, lost: 0, locked: 0, faults: 0 };
  const seen: (Seen & { readonly epoch: string })[] = [];
  const violations: string[] = [];
  const longest = new Map<string, number>();
  let onGrant = (): void => undefined;
  let isOver = false;

  const living = (): Instance =>
    random.pick([...world.instances.filter(({ port }) => port !== undefined), ...world.instances]);
  const links = await Promise.all(
    world.instances.map((own) => openTcpProxy(() => (own.port === undefined ? living() : own).port)),
  );

  const hear = (holder: Holder, report: HolderReport): void => {
    if (report.kind === 'granted' || report.kind === 'ended') holder.isHolding = report.kind === 'granted';
    if (report.kind === 'seen') seen.push(report);
    if (report.kind === 'edited') counts.edits += 1;
    if (report.kind === 'refused' && report.reason === 'LOCK_LOST') counts.lost += 1;
    if (report.kind !== 'granted') return;
    counts.grants += 1;
    onGrant();
  };
  const respawn = (holder: Holder): void => {
    holder.isHolding = false;
    holder.process = fork(HOLDER, [String(holder.port), ID, String(TTL_MS)], { execArgv: [] });
    // What the process sends is a report.
    holder.process.on('message', (report) => hear(holder, report as HolderReport));
  };

  /** Somebody who edits without a lock. */
  const trespass = async (): Promise<void> => {
    while (!isOver) {
      await pause(150);
      await over(living())
        .campaign.update.mutate({ campaignId: ID, updates: { edit: { fence: 0 } } })
        .catch((error: unknown) => {
          if (String(error).includes('has locked')) counts.locked += 1;
        });
    }
  };

  const holders: Holder[] = [];
  try {
    const [first] = world.instances;
    if (!first) throw new Error('a world has instances');
    await over(first).campaign.create.mutate({ campaignId: ID, state: { slug: ID, title: 'Locked' } });
    for (let index = 0; index < HOLDERS; index += 1) {
      // The process comes with `respawn`.
      const holder = { isHolding: false, port: links[index % links.length]?.port } as Holder;
      holders.push(holder);
      respawn(holder);
    }
    const trespassing = trespass();
    const reach: Reach = { world, holders, random, respawn };
    const until = performance.now() + lasts;
    const waiting = [...faults];
    for (let name = waiting.shift(); name !== undefined;) {
      await nextGrant(60_000);
      const { countsFrom, inflict }: LockFault = FAULTS[name];
      counts.faults += 1;
      const heal = await inflict(reach);
      let since = performance.now();
      const healed = Promise.resolve(heal()).then(() => {
        if (countsFrom === 'healing') since = performance.now();
      });
      if (countsFrom === 'healing') await healed;
      const isGranted = await nextGrant(60_000);
      const took = performance.now() - since;
      const limit = TTL_MS + LOCKOUT_MS;
      say(`${name}: ${isGranted ? `the next one had the lock after ${Math.round(took)} ms` : 'nobody had it again'}`);
      longest.set(name, Math.max(longest.get(name) ?? 0, took));
      if (took > limit) violations.push(`${name}: nobody had the lock for ${Math.round(took)} ms, more than ${limit}`);
      await healed;
      name = waiting.shift() ?? (performance.now() < until ? random.pick(faults) : undefined);
    }
    await nextGrant(60_000);
    isOver = true;
    await trespassing;
    for (const { process: holder } of holders) holder.kill('SIGKILL');
    const { epoch, entries } = await readEdits(first);
    violations.push(
      ...checkEdits(
        entries,
        // What was seen in an epoch that ended may be lost with it.
        seen.filter((each) => each.epoch === epoch),
      ),
    );
    const logs = Object.fromEntries(world.instances.map(({ name, log }) => [name, log]));
    return { violations, counts, longest, logs };
  } finally {
    isOver = true;
    for (const holder of holders) holder.process.kill('SIGKILL');
    await Promise.all(links.map((link) => link.close()));
    await world.close();
  }

  /** Resolves with the next grant; false where there is none in that time. */
  async function nextGrant(milliseconds: number): Promise<boolean> {
    const waiting = new AbortController();
    const granted = new Promise<true>((resolve) => {
      onGrant = () => resolve(true);
    });
    const late = pause(milliseconds, false, { signal: waiting.signal }).catch(() => false);
    const outcome = await Promise.race([granted, late]);
    waiting.abort();
    return outcome;
  }
}

/** The edits that survived, in order. */
async function readEdits(on: Instance): Promise<{ readonly epoch: string; readonly entries: readonly EditEntry[] }> {
  const { campaign } = over(on);
  const entries: EditEntry[] = [];
  let cursor: number | undefined;
  for (;;) {
    const page = await campaign.history.query({ campaignId: ID, limit: 100, ...(cursor !== undefined && { cursor }) });
    for (const { version, change } of page.items) {
      const edit = change['edit'];
      if (typeof edit !== 'object' || edit === null || Array.isArray(edit)) continue;
      // A patch names the fence only where it differs from the edit before.
      const { fence } = edit;
      entries.push({ version, fence: typeof fence === 'number' ? fence : Number.NaN });
    }
    if (page.nextCursor === undefined) {
      entries.reverse();
      return { epoch: page.epoch, entries: withFences(entries) };
    }
    cursor = page.nextCursor;
  }
}

/** An edit that does not name its fence has that of the one before it. */
function withFences(entries: readonly EditEntry[]): EditEntry[] {
  let last = 0;
  return entries.map(({ version, fence }) => {
    if (!Number.isNaN(fence)) last = fence;
    return { version, fence: last };
  });
}
