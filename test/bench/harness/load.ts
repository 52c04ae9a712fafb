import type { LoadCommand, LoadReply } from './messages.ts';
import { mutate } from './mutator.ts';
import { createWatchers } from './watchers.ts';

/** A process of thin clients. */

const watchers = createWatchers();

async function handle(command: LoadCommand): Promise<LoadReply> {
  switch (command.type) {
    case 'connect':
      await watchers.connect(command.protocol, command.port, command.count, command.secret);
      return { type: 'connected' };
    case 'follow':
      watchers.follow();
      return { type: 'connected' };
    case 'reset':
      watchers.reset();
      return { type: 'connected' };
    case 'leave':
      watchers.leave(command.count);
      return { type: 'connected' };
    case 'await':
      return { type: 'received', received: await watchers.received(command.last, command.timeoutMs) };
    case 'mutate':
      return { type: 'mutated', mutated: await mutate(command) };
  }
}

process.on('message', (command: LoadCommand) => {
  void handle(command)
    .catch((error: unknown): LoadReply => ({
      type: 'failed',
      message: error instanceof Error ? error.message : String(error),
    }))
    .then((reply) => process.send?.(reply));
});
process.once('disconnect', () => process.exit());
