import fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { openPostgresArchive } from '../../server/archive/index.ts';
import type { KeyedArchive } from '../../server/archive/keyed-archive.ts';
import { verifyHistories, type Finding, type VerifyOptions } from '../../server/audit/verify-histories.ts';
import { freshNamespace, query } from '../archive/namespace.ts';
import { storedCampaign } from '../snapshot/support/snapshots.ts';

const { namespace, drop } = freshNamespace();
const TABLES = ['campaigns', 'entries', 'epochs', 'checkpoints'] as const;
let archive: KeyedArchive;

async function findingsOf(options: Partial<VerifyOptions> = {}): Promise<Finding[]> {
  const findings: Finding[] = [];
  const found = verifyHistories({ store: archive, pace: () => Promise.resolve(), now: () => 0, ...options });
  for await (const finding of found) findings.push(finding);
  return findings;
}

beforeAll(async () => {
  archive = await openPostgresArchive({ connectionString: inject('postgresUrl'), namespace, poolSize: 4 });
  for (const [id, versions] of [
    ['autumn', 3],
    ['spring', 230],
    ['winter', 12],
  ] as const) {
    const history = await storedCampaign(archive, id, versions);
    if (id === 'autumn') continue;
    // Three epochs, of which the middle one has no entry.
    for (const epoch of ['second', 'third']) {
      const loaded = await archive.load(id, 0);
      if (!loaded) throw new Error('unreachable');
      const { head, membership } = loaded;
      await archive.enterLog(id, { ...head, generation: membership.generation }, `${epoch}-${id}`);
      history.epoch = `${epoch}-${id}`;
    }
    history.add({ title: 'In the third epoch' });
    history.add({ title: 'And on', status: 'draft' });
    await archive.commit([history.commitAfter(versions)]);
  }
  for (const table of TABLES) await query(`create table ${namespace}.golden_${table} as table ${namespace}.${table}`);
});

afterAll(async () => {
  await archive.stop({ clean: true });
  await drop();
});

/** Puts every row back, but for the columns that the database computes from the others. */
async function repair(): Promise<void> {
  const columns = await query<{ table: string; names: string }>(
    `select table_name as table, string_agg(column_name, ', ') as names from information_schema.columns
     where table_schema = $1 and is_generated = 'NEVER' group by table_name`,
    [namespace],
  );
  const statements = TABLES.map((table) => {
    const { names } = columns.find((listed) => listed.table === table) ?? { names: '' };
    const generated = table === 'epochs' ? 'overriding system value' : '';
    const name = `${namespace}.${table}`;
    return `truncate ${name}; insert into ${name} (${names}) ${generated} select ${names} from ${namespace}.golden_${table};`;
  });
  await query(statements.join('\n'));
}

test('U1 nothing is found where nothing was changed', async () => {
  expect(await findingsOf()).toEqual([]);
});

/** Columns that say what the entries say, with another value for each; by table. */
const COLUMNS: Readonly<Record<(typeof TABLES)[number], Readonly<Record<string, string>>>> = {
  campaigns: {
    epoch: `'other'`,
    version: 'version + 1',
    tail: 'reverse(tail)',
    state: `jsonb_set(state::jsonb, '{title}', '"Forged"')::json`,
    title: `'Forged'`,
    status: `'forged'`,
    archived_at: 'coalesce(archived_at, 0) + 1',
    created_at: 'created_at - 1',
    updated_at: 'updated_at + 1',
    updated_by: `'somebody'`,
  },
  entries: {
    version: 'version + 100000',
    epoch: `'other'`,
    type: `'forged'`,
    at: 'at + 1',
    mutation_id: `case when mutation_id is null then 'forged' end`,
    bytes: `jsonb_set(bytes::jsonb, '{change}', '{"title":"Forged"}')::json`,
    tail: 'reverse(tail)',
  },
  epochs: { epoch: `'forged'`, parent: `'forged'`, from_version: 'from_version - 1' },
  checkpoints: { version: 'version + 1', state: `'{"title":"Forged"}'` },
};

const KEYS = { campaigns: 'id', entries: 'campaign_id', epochs: 'campaign_id', checkpoints: 'campaign_id' };

interface Tampering {
  readonly kind: 'edit' | 'delete' | 'insert' | 'swap';
  readonly table: (typeof TABLES)[number];
  readonly column: number;
  readonly row: number;
}

/** Changes a row, and returns the campaign that it is of; `undefined` where there is nothing to change in this way. */
async function tamper({ kind, table, column, row }: Tampering): Promise<string | undefined> {
  const name = `${namespace}.${table}`;
  const key = KEYS[table];
  const ids = await query<{ ctid: string; id: string; version: string }>(
    `select ctid, ${key} as id, ${table === 'epochs' ? 'from_version' : 'version'} as version from ${name} order by ctid`,
  );
  const chosen = ids[row % ids.length];
  if (!chosen) return undefined;
  const at = `ctid = '${chosen.ctid}'`;
  if (kind === 'edit') {
    const columns = Object.keys(COLUMNS[table]);
    const edited = columns[column % columns.length] ?? '';
    await query(`update ${name} set ${edited} = ${COLUMNS[table][edited]} where ${at}`);
    return chosen.id;
  }
  if (kind === 'delete') {
    // A checkpoint is a shortcut: without it the same state is folded from the one before.
    if (table === 'checkpoints') return undefined;
    await query(`delete from ${name} where ${at}`);
    return chosen.id;
  }
  if (table !== 'entries') return undefined;
  if (kind === 'insert') {
    await query(`insert into ${name} select campaign_id, (select max(version) from ${name} e where e.campaign_id = '${chosen.id}') + 1,
      epoch, type, at, 'inserted', bytes, tail from ${name} where ${at}`);
    return chosen.id;
  }
  const other = ids.find(({ id, version }) => id === chosen.id && version !== chosen.version);
  if (!other) return undefined;
  await query(`update ${name} e set bytes = o.bytes, tail = o.tail, epoch = o.epoch, type = o.type, at = o.at
    from ${name} o where e.campaign_id = '${chosen.id}' and o.campaign_id = e.campaign_id
    and ((e.version = ${chosen.version} and o.version = ${other.version}) or (e.version = ${other.version} and o.version = ${chosen.version}))`);
  return chosen.id;
}

test(
  'U2 any edited, deleted, inserted or exchanged row is named, with its campaign',
  { timeout: 600_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          kind: fc.constantFrom('edit', 'edit', 'edit', 'delete', 'insert', 'swap'),
          table: fc.constantFrom(...TABLES),
          column: fc.nat(20),
          row: fc.nat(10_000),
        }),
        async (tampering) => {
          const campaignId = await tamper(tampering);
          const findings = await findingsOf();
          await repair();
          if (campaignId === undefined) return;
          expect(findings.map((finding) => finding.campaignId)).toContain(campaignId);
        },
      ),
      { numRuns: 150 },
    );
  },
);

test('U2 every column of every table is held against the entries', { timeout: 600_000 }, async () => {
  for (const table of TABLES) {
    for (const column of Object.keys(COLUMNS[table]).keys()) {
      for (const row of [0, 1, 2]) {
        const tampering: Tampering = { kind: 'edit', table, column, row };
        const campaignId = await tamper(tampering);
        const findings = await findingsOf();
        await repair();
        expect(findings, JSON.stringify(tampering)).toMatchObject([{ campaignId, problem: expect.any(String) }]);
      }
    }
  }
});

test('U3 the first entry that does not fit is named by its version, and a campaign without its row, too', async () => {
  await query(`update ${namespace}.entries set bytes = '{}' where campaign_id = 'spring' and version in (57, 58)`);
  await query(`delete from ${namespace}.entries where campaign_id = 'winter' and version = 4`);
  expect(await findingsOf()).toEqual([
    { campaignId: 'spring', version: 57, problem: 'the entry of version 57 does not follow the one before it' },
    { campaignId: 'winter', version: 5, problem: 'the entry of version 4 is missing' },
  ]);
  expect(await findingsOf({ campaignIds: ['autumn'] })).toEqual([]);
  await repair();
  await query(`delete from ${namespace}.campaigns where id = 'winter'`);
  expect(await findingsOf()).toEqual([
    { campaignId: 'winter', problem: 'there are entries, forks or checkpoints, and no campaign' },
  ]);
  await repair();
});

test('U4 what is committed while it is verified is no finding', async () => {
  const history = await storedCampaign(archive, 'growing', 90);
  let grow = true;
  const store: KeyedArchive = {
    ...archive,
    readEntries: async (...args) => {
      if (grow && args[1] === 'growing') {
        const version = history.entries.length;
        for (let number = 1; number <= 15; number += 1) history.add({ title: `Meanwhile ${number}` });
        await archive.commit([history.commitAfter(version)]);
      }
      return archive.readEntries(...args);
    },
  };
  expect(await findingsOf({ store })).toEqual([]);
  grow = false;
  expect(await findingsOf({ store })).toEqual([]);
});
