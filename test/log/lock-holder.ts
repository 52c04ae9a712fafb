import { createInterface } from 'node:readline';
import { applyLockChange, emptyLockTable, type LockChange } from '../../server/core/locks/lock-table.ts';
import { systemClock } from '../../server/engine/system-clock.ts';
import { createRedisLog } from '../../server/log/redis-log.ts';
import { campaignEntries } from './campaign-entries.ts';

/*
 * A process that holds a lock, for tests that stop or kill it: it locks, says so, and appends under that lock when it
 * is told to, on whatever head it finds.
 *
 *     node test/log/lock-holder.ts <url> <namespace> <campaign> <ttl in ms>
 */
const [url = '', namespace = '', campaignId = '', ttl = '1000'] = process.argv.slice(2);
const { start, after, headAfter } = campaignEntries(campaignId);
const log = createRedisLog({ url, namespace, clock: systemClock });
await log.ready();
const opened = await log.open(campaignId, 1, start, () => undefined);
if (opened.kind !== 'opened') throw new Error(`it is ${opened.kind}`);
const table = emptyLockTable(1);
const change: LockChange = {
  condition: { revision: table.revision },
  set: [
    {
      lockId: 'of the process',
      state: 'held',
      fence: table.revision + 1,
      path: ['title'],
      holder: 'process',
      ttlMs: Number(ttl),
      leaseMs: Number(ttl),
    },
  ],
  removed: [],
};
const granted = await log.changeLocks(campaignId, change);
if (granted.kind !== 'changed') throw new Error(`it is ${granted.kind}`);
const held = applyLockChange(table, change, granted.reading.now);
const [row] = held.rows;
console.log('held');

for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'append') continue;
  // What it decided while it held the lock, on the head that it finds now.
  const condition = { revision: held.revision, notAfter: row?.expiresAt ?? 0 };
  const first = await log.append(campaignId, start, after(start, 1, 'stale'), condition);
  const head = first.kind === 'conflict' ? headAfter(first.entries) : start;
  const answer =
    first.kind === 'conflict' ? await log.append(campaignId, head, after(head, 1, 'stale'), condition) : first;
  console.log(answer.kind);
}
