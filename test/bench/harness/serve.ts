import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Collect, ServerCommand, ServerReply, Usage } from './messages.ts';

export interface SystemUnderTest {
  port: number;
  /** Changes the thing that everyone watches; `n` counts up. */
  publish(n: number, bytes: number): void | Promise<unknown>;
  /** Makes further campaigns, numbered from 1 in the first call. */
  campaigns?(count: number, bytes: number): Promise<void>;
  /** How many are in memory. */
  loaded?(): number;
  /** The processes that it consists of, where this one is none of them (Linux alone can be asked what those use). */
  processes?(): readonly number[];
  close?(): Promise<unknown>;
}

/** Runs a server under test as a child process of the benchmark. */
export async function serve(start: () => Promise<SystemUnderTest>): Promise<void> {
  const system = await start();
  const { port, publish } = system;
  // A server that was started again goes on where the one before it ended.
  let published = Number(process.env['BENCH_PUBLISHED'] ?? 0);
  const reply = (message: ServerReply): void => {
    process.send?.(message);
  };

  const handle = async (command: ServerCommand): Promise<void> => {
    switch (command.type) {
      case 'publish': {
        const waiting: unknown[] = [];
        for (let index = 0; index < command.updates; index += 1) waiting.push(publish((published += 1), command.bytes));
        await Promise.all(waiting);
        return reply({ type: 'done', published });
      }
      case 'publish-at': {
        // By the clock, not by a chain of timers: a server that is late catches up, as its users would make it.
        const startedAt = performance.now();
        const total = Math.round((command.rate * command.milliseconds) / 1_000);
        for (let index = 0; index < total; index += 1) {
          const dueIn = startedAt + (index * 1_000) / command.rate - performance.now();
          if (dueIn > 0) await pause(dueIn);
          await publish((published += 1), command.bytes);
        }
        return reply({ type: 'done', published });
      }
      case 'campaigns':
        await system.campaigns?.(command.count, command.bytes);
        return reply({ type: 'done', published });
      case 'usage':
        return reply({
          type: 'usage',
          usage: {
            ...(await usage(command.collect)),
            ...(system.processes && usageOf(system.processes())),
            campaigns: system.loaded?.() ?? 0,
          },
        });
      case 'close':
        await system.close?.();
        return reply({ type: 'closed' });
    }
  };

  process.on('message', (command: ServerCommand) => void handle(command));
  process.once('disconnect', () => process.exit());
  reply({ type: 'ready', port });
}

async function usage(collect: Collect): Promise<Omit<Usage, 'campaigns'>> {
  if (collect !== 'nothing') {
    const flavor = collect === 'everything' ? 'last-resort' : 'regular';
    // Twice, with a turn in between: what finalisers and weak references let go is gone only then.
    for (let time = 1; time <= 2; time += 1) {
      globalThis.gc?.({ type: 'major', execution: 'sync', flavor });
      await pause(20);
    }
  }
  const { user, system } = process.cpuUsage();
  const { heapUsed, rss } = process.memoryUsage();
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return { cpu: user + system, heap: heapUsed, rss, handles: process.getActiveResourcesInfo().length, listeners };
}

/** Of Linux' clock for processes. */
const TICK_MICROS = 10_000;

/** What other processes have used; their heaps are not known. */
function usageOf(processes: readonly number[]): Pick<Usage, 'cpu' | 'cpuOfEach' | 'rss'> {
  const cpuOfEach = processes.map((pid) => {
    // Behind the name, which may have blanks in it: user and system are the 12th and the 13th.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
  });
  const rss = processes.map((pid) => {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes) * 1_024;
  });
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return { cpu: sum(cpuOfEach), cpuOfEach, rss: sum(rss) };
}
