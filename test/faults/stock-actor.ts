import { setTimeout as pause } from 'node:timers/promises';
import { createTRPCClient, createWSClient, httpLink, wsLink } from '@trpc/client';
import { readFailure } from '../../client-sdk/src/errors.ts';
import type { AppRouter } from '../../server/api/procedures/router.ts';
import type { EditCommand, MutationOptions, RollbackCommand } from '../../server/core/commands/command.ts';
import type { Receipt } from '../../server/core/stream/entry.ts';
import { parsePosition } from '../../server/core/stream/position.ts';
import type { WatchEvent } from '../../server/core/stream/events.ts';
import type { Actor, ActorOptions } from './actor.ts';
import { randomEdit } from './edits.ts';

type Client = ReturnType<typeof createTRPCClient<AppRouter>>;

/** A mutation as it is sent, every time the same. */
interface Intent {
  campaignId: string;
  command: EditCommand | RollbackCommand;
  options: MutationOptions & { mutationId: string };
}

/** How long a call may go unanswered before it is made again under the same id, in milliseconds. */
const CALL_TIMEOUT_MS = 15_000;
const MAX_REMEMBERED = 50;

/** A client of the stock tRPC packages, which does by hand what the protocol asks: same ids, a base, a resume id. */
export function startStockActor({ name, link, journal, random, campaigns, watched, pace }: ActorOptions): Actor {
  const socket = createWSClient({
    url: `ws://127.0.0.1:${link.port}/trpc`,
    connectionParams: { contract: '1' },
    retryDelayMs: () => 50 + Math.random() * 500,
    keepAlive: { enabled: true, intervalMs: 2_000, pongTimeoutMs: 2_000 },
  });
  const overWs = createTRPCClient<AppRouter>({ links: [wsLink({ client: socket })] });
  const overHttp = createTRPCClient<AppRouter>({ links: [httpLink({ url: `http://127.0.0.1:${link.port}/trpc` })] });
  const positions = new Map<string, string>();
  const stops: (() => void)[] = [];
  /** Answered ones, of which some are sent once more, much later. */
  const past: Intent[] = [];
  let stopped = false;
  let closed = false;
  let marks = 0;

  const watch = (campaignId: string): void => {
    let lastEventId: string | undefined;
    let subscription: { unsubscribe(): void } | undefined;
    const again = (): void =>
      void pause(100 + Math.random() * 400, undefined, { ref: false }).then(() => closed || subscribe());
    const subscribe = (): void => {
      if (lastEventId === undefined) journal.note(name, campaignId, { kind: 'joined' });
      subscription = overWs.campaign.watch.subscribe(
        { campaignId, receipts: true, ...(lastEventId !== undefined && { lastEventId }) },
        {
          onData({ id, data }) {
            lastEventId = id;
            // JSON of the same shape: only the type that tRPC gives it says less.
            take(campaignId, data as WatchEvent);
            positions.set(campaignId, id);
          },
          onStarted: () => journal.note(name, campaignId, { kind: 'resumed' }),
          onError: again,
          onComplete: again,
        },
      );
    };
    subscribe();
    stops.push(() => subscription?.unsubscribe());
  };

  const take = (campaignId: string, event: WatchEvent): void => {
    switch (event.type) {
      case 'snapshot': {
        const { position, durableVersion, reason, state, lost } = event;
        journal.note(name, campaignId, {
          kind: 'snapshot',
          position,
          durableVersion,
          reason,
          state,
          ...(lost && { lost }),
        });
        return;
      }
      case 'entries': {
        const entries = event.entries.map((entry) => {
          if ('mutationId' in entry) return journal.see(entry);
          throw new Error('a caller with all rights was given a restricted view');
        });
        journal.note(name, campaignId, { kind: 'entries', epoch: event.epoch, entries });
        return;
      }
      case 'durable':
        journal.note(name, campaignId, { kind: 'watermark', position: event.position });
    }
  };

  /** Sends it until there is an answer that stands. */
  const carry = async (intent: Intent, first = 1, client = overWs): Promise<Receipt | undefined> => {
    const { campaignId, command, options } = intent;
    const { mutationId } = options;
    for (let attempt = first; !closed; attempt += 1) {
      journal.note(name, campaignId, { kind: 'sent', mutationId, command, attempt });
      try {
        const receipt = await call(client, intent);
        journal.note(name, campaignId, { kind: 'answered', mutationId, receipt });
        return receipt;
      } catch (thrown) {
        const { kind, error } = readFailure(thrown);
        const { reason, message } = error;
        if (kind === 'unanswered') journal.note(name, campaignId, { kind, mutationId, message });
        else journal.note(name, campaignId, { kind, mutationId, reason, message, final: !error.retryable });
        if (kind === 'refused' && !error.retryable) return undefined;
        await pause((error.retryAfterMs ?? 100) * (0.5 + Math.random()));
      }
    }
    return undefined;
  };

  const intend = (campaignId: string, command: Intent['command'], more: MutationOptions = {}): Intent => {
    const base = positions.get(campaignId);
    marks += 1;
    return {
      campaignId,
      command,
      options: { mutationId: `${name}.${marks}`, ...(base !== undefined && { base }), ...more },
    };
  };

  const edit = (campaignId: string, more: MutationOptions = {}): Intent =>
    intend(campaignId, randomEdit(random, name, marks), more);

  const act = async (): Promise<void> => {
    const campaignId = random.pick(campaigns);
    const position = positions.get(campaignId);
    const share = random.next();
    if (share < 0.2) await carry(edit(campaignId, { durability: 'durable' }));
    else if (share < 0.28 && position !== undefined) await carry(edit(campaignId, { expectedVersion: position }));
    else if (share < 0.31 && position !== undefined) {
      const version = parsePosition(position)?.version ?? 1;
      await carry(intend(campaignId, { type: 'rollback', toVersion: Math.max(1, version - random.int(0, 5)) }));
    } else if (share < 0.39)
      await Promise.all([edit(campaignId), edit(campaignId), edit(campaignId)].map((intent) => carry(intent)));
    else if (share < 0.44) {
      // The same intent on two ways at once, to two instances perhaps.
      const twice = edit(campaignId);
      await Promise.all([carry(twice, 2), carry(twice, 2, overHttp)]);
    } else if (share < 0.47 && past.length > 0) await carry(random.pick(past), 2);
    else {
      const intent = edit(campaignId);
      if (await carry(intent)) past.push(intent);
      past.splice(0, past.length - MAX_REMEMBERED);
    }
  };

  const write = async (): Promise<void> => {
    while (!stopped) {
      await pause(pace * 2 * random.next());
      if (!stopped) await act();
    }
  };

  for (const campaignId of watched) watch(campaignId);
  const written = write();

  return {
    name,
    link,
    watched,
    position: (campaignId) => positions.get(campaignId),
    settle() {
      stopped = true;
      return written;
    },
    // Its journal has everything that it was sent: whoever reads it folds that.
    conclude: () => undefined,
    async close() {
      stopped = true;
      closed = true;
      for (const stop of stops) stop();
      await socket.close();
    },
  };
}

async function call(client: Client, { campaignId, command, options }: Intent): Promise<Receipt> {
  const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
  const input = { campaignId, ...options };
  const answer = await ask(client, input, command, signal);
  if ('dryRun' in answer) throw new Error('a dry run was not asked for');
  return answer;
}

function ask(
  { campaign }: Client,
  input: { campaignId: string } & MutationOptions,
  command: Intent['command'],
  signal: AbortSignal,
) {
  switch (command.type) {
    case 'update':
      return campaign.update.mutate({ ...input, updates: command.updates }, { signal });
    case 'updateFeatures':
      return campaign.updateFeatures.mutate(
        { ...input, features: command.features, action: command.action },
        { signal },
      );
    case 'updateConfig': {
      const { section, value, mode = 'merge' } = command;
      return campaign.updateConfig.mutate({ ...input, section, value, mode }, { signal });
    }
    case 'batch':
      return campaign.batch.mutate({ ...input, commands: command.commands }, { signal });
    case 'rollback':
      return campaign.rollback.mutate({ ...input, toVersion: command.toVersion }, { signal });
  }
}
