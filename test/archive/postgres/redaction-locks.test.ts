import type pg from 'pg';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { openPostgresArchive } from '../../../server/archive/index.ts';
import type { KeyedArchive } from '../../../server/archive/keyed-archive.ts';
import { until } from '../../api/support/server.ts';
import { openSession } from '../../tools/postgres-session.ts';
import { campaignHistory, type CampaignHistory } from '../campaign-history.ts';
import { adoptedOf, rowsOf, stateOf } from '../histories.ts';
import { freshNamespace, query } from '../namespace.ts';
import { redactionOf } from '../redactions.ts';

let fresh: ReturnType<typeof freshNamespace>;
let archive: KeyedArchive;
/** Somebody else, in a transaction of its own. */
let other: pg.Client;
let history: CampaignHistory;

beforeEach(async () => {
  fresh = freshNamespace();
  archive = await openPostgresArchive({
    connectionString: inject('postgresUrl'),
    namespace: fresh.namespace,
    poolSize: 4,
  });
  other = await openSession(inject('postgresUrl'));
  history = campaignHistory('people');
  await history.createIn(archive);
  const grow = async (versions: number): Promise<void> => {
    const committed = history.entries.length;
    for (let version = committed + 1; version <= versions; version += 1) {
      if (version === 40) history.add({ about: { contact: 'Ada' } });
      else if (version === 110) history.add({ about: { contact: null } });
      else history.add({ title: `Version ${version}` });
    }
    await archive.commit([history.commitAfter(committed)]);
  };
  await grow(100);
  await grow(120);
});

afterEach(async () => {
  await other.end();
  await archive.stop({ clean: true });
  await fresh.drop();
});

/** Whether so many wait for a lock on a table of the namespace. */
async function areWaiting(atLeast: number): Promise<boolean> {
  const rows = await query(
    `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%' || $1 || '%'`,
    [fresh.namespace],
  );
  return rows.length >= atLeast;
}

/** Runs a call until it waits for a lock, as do so many in all, or is over. */
async function untilWaiting(call: Promise<unknown>, atLeast = 1): Promise<void> {
  let isOver = false;
  void call.catch(() => undefined).then(() => (isOver = true));
  await until(async () => isOver || (await areWaiting(atLeast)));
}

test('A141 events and commits go on while a redaction writes checkpoints anew', async () => {
  await other.query('begin');
  await other.query(`select 1 from ${fresh.namespace}.checkpoints where version = 100 for update`);
  const redacting = archive.redact(redactionOf(history, 40, 110));
  await untilWaiting(redacting);
  await archive.appendEvents(['{"kind":"login"}'], 10);
  history.add({ title: 'It goes on' });
  expect(await archive.commit([history.commitAfter(120)])).toMatchObject([{ kind: 'committed' }]);
  await other.query('commit');
  expect(await redacting).toBe(true);
});

test('A142 a redaction and an adoption at the same time come one after the other: what is redacted of another campaign is seen, and a campaign is not replaced under a redaction', async () => {
  await archive.beginRestore('r', 0, 0);
  await archive.stage('r', rowsOf(history, 'copy'), [stateOf(history, 'copy')], 0);
  await other.query('begin');
  // A redaction that is inserted, and not committed yet.
  await other.query(
    `insert into ${fresh.namespace}.audit_head (name, position, tail) values ('events', 0, '') on conflict do nothing`,
  );
  await other.query(`select 1 from ${fresh.namespace}.audit_head for update`);
  await other.query(
    `insert into ${fresh.namespace}.redactions (campaign_id, version, tail, redaction, hash, through, forgotten)
     values ('people', 40, $1, '{}', 'x', 110, false)`,
    [history.entries[39]?.tail],
  );
  const adopting = archive.adopt('r', [adoptedOf(history, { campaignId: 'copy' })], 0);
  await untilWaiting(adopting);
  await other.query('commit');
  expect(await adopting).toEqual({ kind: 'stale' });
  expect(await archive.heads(['copy'])).toEqual([]);

  // The campaign is being replaced, by a history that ends while the value still stands.
  await query(`delete from ${fresh.namespace}.redactions`);
  await other.query('begin');
  await other.query(`select 1 from ${fresh.namespace}.campaigns for update`);
  await other.query(`update ${fresh.namespace}.campaigns set epoch = 'restored', version = 100`);
  const redacting = archive.redact(redactionOf(history, 40, 110));
  await untilWaiting(redacting);
  await other.query('commit');
  expect(await redacting).toBe(false);
});

test('A143 what a restore has staged stays there while it is adopted, whatever is redacted of its other campaigns, or begun again, at the same time', async () => {
  // More than one statement moves.
  const rows = Array.from({ length: 6_000 }, (_, index) => ({
    campaignId: 'long',
    version: index + 1,
    epoch: 'e',
    type: 'update',
    at: 0,
    mutationId: null,
    bytes: '{}',
    tail: `tail-${index + 1}`,
  }));
  const head = { epoch: 'restored', version: rows.length, tail: `tail-${rows.length}` };
  const adopted = adoptedOf(history, { campaignId: 'long', head, over: true });
  const state = { campaignId: 'long', version: rows.length, state: '{}' };
  const redacted = (): Promise<unknown> => archive.redact(redactionOf(history, 40, 110));
  const begunAgain = (): Promise<unknown> => archive.beginRestore('r', 1, 0);
  for (const drop of [begunAgain, redacted]) {
    await archive.beginRestore('r', 0, 0);
    await archive.stage('r', rows.slice(0, 3_000), [], 0);
    await archive.stage('r', rows.slice(3_000), [state], 0);
    await archive.stage('r', rowsOf(history, 'copy'), [stateOf(history, 'copy')], 0);
    // What is moved first waits for another one in its place.
    await query(`delete from ${fresh.namespace}.restored_campaigns`);
    await query(`delete from ${fresh.namespace}.entries where campaign_id = 'long'`);
    await other.query('begin');
    await other.query(
      `insert into ${fresh.namespace}.entries (campaign_id, version, epoch, type, at, bytes, tail)
       values ('long', 1, 'e', 'update', 0, '{}', 'tail')`,
    );
    const adopting = archive.adopt('r', [adopted], 0);
    await untilWaiting(adopting);
    const dropping = drop();
    await untilWaiting(dropping, 2);
    await other.query('rollback');
    expect(await adopting).toMatchObject({ kind: 'adopted' });
    await dropping;
    const [{ count } = { count: 0 }] = await query<{ count: number }>(
      `select count(*)::int as count from ${fresh.namespace}.entries where campaign_id = 'long'`,
    );
    expect(count).toBe(rows.length);
  }
  expect(await archive.adopt('r', [adoptedOf(history, { campaignId: 'copy' })], 0)).toEqual({ kind: 'stale' });
});
