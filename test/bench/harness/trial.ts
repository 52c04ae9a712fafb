import { startLoad, startServer, type Load, type Server } from './child.ts';
import { CONTESTANTS, type Contestant, type ContestantName } from './contestants.ts';
import type { Received } from './messages.ts';

/** One contestant, running, with a process of thin clients beside it. */
export interface Trial {
  name: ContestantName;
  contestant: Contestant;
  server: Server;
  load: Load;
  /** So many watchers more. */
  watch(count: number): Promise<void>;
}

/** A contestant that did not do what it is measured for: the figure would mean nothing. */
export class BrokenRun extends Error {
  override readonly name = 'BrokenRun';
}

/** Runs one contestant for as long as the work takes. */
export async function withTrial<T>(
  name: ContestantName,
  work: (trial: Trial) => Promise<T>,
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const contestant: Contestant = CONTESTANTS[name];
  const server = await startServer(contestant.system, { ...contestant.env, ...env });
  const load = startLoad();
  try {
    const watch = (count: number): Promise<void> =>
      load.connect(contestant.protocol, server.port, count, contestant.secret);
    return await work({ name, contestant, server, load, watch });
  } catch (error) {
    throw error instanceof BrokenRun
      ? error
      : new BrokenRun(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    await load.stop();
    await server.stop();
  }
}

/**
 * How long watchers may take to see the last update, in milliseconds: systems that are saturated still have to finish.
 */
const TIMEOUT_MS = 90_000;

/** Waits until everyone has seen everything; throws where anyone missed an update, or saw one twice or out of order. */
export async function everythingSeen(
  { name, load }: Pick<Trial, 'name' | 'load'>,
  updates: number,
  last: number,
): Promise<Received> {
  const received = await load.received(last, TIMEOUT_MS);
  const { watchers, broken, complete } = received;
  if (broken > 0)
    throw new BrokenRun(`${name}: ${broken} of ${watchers} watchers saw an update twice, out of order, or missed one`);
  if (complete < watchers)
    throw new BrokenRun(`${name}: ${watchers - complete} of ${watchers} watchers never saw update ${last}`);
  if (received.updates !== updates * watchers) {
    throw new BrokenRun(`${name}: ${watchers} watchers saw ${received.updates} updates, not ${updates * watchers}`);
  }
  return received;
}

export interface FanOut {
  /** Microseconds of the server's CPU. */
  cpuPerDelivery: number;
  /** Milliseconds from the change to its arrival. */
  p50: number;
  p99: number;
}

/** Publishes at that rate to all watchers. */
export async function fanOut(
  trial: Trial,
  { rate, milliseconds, bytes }: { rate: number; milliseconds: number; bytes: number },
): Promise<FanOut> {
  const { server, load } = trial;
  await load.reset();
  const before = await server.usage();
  const last = await server.publishAt(rate, milliseconds, bytes);
  const received = await everythingSeen(trial, Math.round((rate * milliseconds) / 1_000), last);
  const after = await server.usage('nothing');
  const { updates, latencies } = received;
  if (received.bytes < updates * bytes) {
    throw new BrokenRun(
      `${trial.name}: an update came in ${Math.round(received.bytes / updates)} bytes, though it has ${bytes}`,
    );
  }
  return {
    cpuPerDelivery: (after.cpu - before.cpu) / updates,
    p50: percentile(latencies, 0.5) / 1_000,
    p99: percentile(latencies, 0.99) / 1_000,
  };
}

/** @param sorted ascending */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
