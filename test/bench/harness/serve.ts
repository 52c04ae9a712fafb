import { setTimeout as pause } from 'node:timers/promises';
import type { ServerCommand, ServerReply } from './messages.ts';

export interface SystemUnderTest {
  port: number;
  /** Changes the thing that everyone watches; `n` counts up. */
  publish(n: number, bytes: number): void | Promise<unknown>;
}

/** Runs a server under test as a child process of the benchmark. */
export async function serve(start: () => Promise<SystemUnderTest>): Promise<void> {
  const { port, publish } = await start();
  let published = 0;
  const reply = (message: ServerReply): void => {
    process.send?.(message);
  };

  const handle = async (command: ServerCommand): Promise<void> => {
    switch (command.type) {
      case 'publish': {
        const waiting: unknown[] = [];
        for (let index = 0; index < command.updates; index += 1) waiting.push(publish((published += 1), command.bytes));
        await Promise.all(waiting);
        reply({ type: 'done', published });
        return;
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
        reply({ type: 'done', published });
        return;
      }
      case 'usage': {
        globalThis.gc?.();
        const { user, system } = process.cpuUsage();
        const { heapUsed, rss } = process.memoryUsage();
        reply({ type: 'usage', usage: { cpu: user + system, heap: heapUsed, rss } });
      }
    }
  };

  process.on('message', (command: ServerCommand) => void handle(command));
  process.once('disconnect', () => process.exit());
  reply({ type: 'ready', port });
}
