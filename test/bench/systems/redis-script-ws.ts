import { WebSocketServer } from 'ws';
import { ENTRY_FORMAT } from '../../../server/core/stream/entry.ts';
import type { Head, LogRecord } from '../../../server/core/stream/log-record.ts';
import { fingerprint, seal } from '../../../server/core/stream/hash-chain.ts';
import { systemClock } from '../../../server/engine/system-clock.ts';
import { createRedisLog } from '../../../server/log/redis-log.ts';
import { serve } from '../harness/serve.ts';

/** A raw ws that orders each message by the very script that the service uses, one by one, and does nothing else. */
const { REDIS_URL = '', CAMPAIGN_NAMESPACE: namespace = 'bench' } = process.env;

await serve(async () => {
  const log = createRedisLog({ url: REDIS_URL, namespace, clock: systemClock });
  await log.ready();
  let head: Head = { epoch: 'bench', version: 0, tail: '' };
  await log.seed('bench', 1, head);
  await log.open('bench', 1, head, () => undefined);

  const order = async (id: number, update: LogRecord['change']): Promise<void> => {
    const command = { type: 'update', updates: update } as const;
    const record: LogRecord = {
      version: head.version + 1,
      type: 'update',
      change: update,
      actor: { id: 'bench', role: 'editor' },
      mutationId: String(id),
      correlationId: String(id),
      at: Date.now(),
      format: ENTRY_FORMAT,
      epoch: head.epoch,
      command,
      fingerprint: fingerprint(command),
    };
    const sealed = seal(record, head.tail);
    const { kind } = await log.append('bench', head, [sealed]);
    if (kind !== 'appended') throw new Error(`the log answered ${kind}`);
    head = { ...head, version: record.version, tail: sealed.tail };
  };

  const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await new Promise((resolve) => wss.once('listening', resolve));
  let before = Promise.resolve();
  wss.on('connection', (socket) => {
    socket.on('message', (data) => {
      const { id, update } = JSON.parse((data as Buffer).toString()) as { id: number; update: LogRecord['change'] };
      before = before
        .then(() => order(id, update))
        .then(
          () => socket.send(JSON.stringify({ id, version: head.version })),
          () => socket.close(),
        );
    });
  });
  return { port: (wss.address() as { port: number }).port, publish: () => undefined };
});
