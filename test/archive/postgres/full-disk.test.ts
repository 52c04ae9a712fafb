import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createCampaignServer, createLogger } from '../../../server/index.ts';
import { openPostgresArchive } from '../../../server/archive/index.ts';
import { startPostgres } from '../../tools/postgres.ts';
import { query } from '../namespace.ts';

const MEGABYTE = 1024 * 1024;
const WAIT = { timeout: 60_000, interval: 100 };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of cleanups.splice(0).reverse()) await close();
});

/** A file system of its own in memory, which can be filled; `undefined` where this process may not mount one. */
function smallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'campaign-state-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=192m,mode=1777', 'tmpfs', folder]);
  if (status === 0) cleanups.push(() => spawnSync('umount', ['--lazy', folder]));
  cleanups.unshift(() => rmSync(folder, { recursive: true, force: true }));
  return status === 0 ? folder : undefined;
}

const canMount = process.platform === 'linux' && process.getuid?.() === 0;

/** A server over a Postgres whose files and WAL are on a small disk. */
async function startOnSmallDisk() {
  const disk = smallDisk();
  if (disk === undefined) return undefined;
  vi.stubEnv('TMPDIR', disk);
  const postgres = await startPostgres(['max_wal_size=32MB', 'min_wal_size=32MB']).finally(() => vi.unstubAllEnvs());
  cleanups.push(() => postgres.stop());
  const archive = await openPostgresArchive({ connectionString: postgres.url, namespace: 'cs' });
  const server = await createCampaignServer({
    port: 0,
    archive,
    logger: createLogger('silent'),
    campaigns: [{ campaignId: 'spring', state: { slug: 'spring', title: 'Spring' } }],
  });
  cleanups.push(() => server.close());
  const caller = { identity: { id: 'ada', grants: { '*': 'admin' as const } }, correlationId: 'test' };
  const ballast = join(disk, 'ballast');
  const freeBytes = (): number => {
    const { bavail, bsize } = statfsSync(disk);
    return bavail * bsize;
  };
  return {
    postgres,
    server,
    /** Takes all of the disk but so many bytes. */
    fill: (rest: number) => writeFileSync(ballast, Buffer.alloc(Math.max(0, freeBytes() - rest))),
    empty: () => rmSync(ballast),
    /** One more change, of 100 KB that cannot be compressed. */
    change: () =>
      server.service.mutate(
        caller,
        'spring',
        { type: 'update', updates: { text: randomBytes(75_000).toString('base64') } },
        {},
      ),
    archived: () => server.service.stats().archive,
  };
}

// The runner may not mount a file system without being root.
describe.skipIf(!canMount)('a Postgres on a full disk', () => {
  test('A88 is noticed as that, in health, metric, alert and runbook, stalls no campaign, and is over by itself when there is room', async ({
    skip,
  }) => {
    const world = await startOnSmallDisk();
    if (!world) return skip('this container does not let root mount a file system');
    const { server, archived, change } = world;
    world.fill(2 * MEGABYTE);
    let changes = 0;
    await vi.waitUntil(async () => {
      changes += 1;
      expect(await change()).toMatchObject({ durability: 'accepted' });
      return archived().failing;
    }, WAIT);
    expect(archived().failure).toMatchObject({
      cause: 'full',
      message: expect.stringMatching(/^The database has no space left \(could not extend file/),
    });
    const ready = await fetch(`${server.url}/readyz`);
    expect(await ready.json()).toMatchObject({ status: 'degraded', archive: { status: 'failing', cause: 'full' } });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('campaign_state_archive_failure{cause="full"} 1\n');
    expect(metrics).toContain('campaign_state_archive_stalls_total 0\n');
    const root = join(import.meta.dirname, '..', '..', '..');
    const alerts = await readFile(join(root, 'start', 'monitoring', 'alerts.yaml'), 'utf8');
    expect(alerts).toMatch(/alert: CampaignStateArchiveFull\n.*campaign_state_archive_failure\{cause="full"\}/);
    const runbook = await readFile(join(root, 'docs', 'operations.md'), 'utf8');
    expect(runbook).toMatch(/### CampaignStateArchiveFull\n.*no space left/);

    world.empty();
    await vi.waitUntil(() => !archived().failing && archived().backlogEntries === 0, WAIT);
    const [row] = await query<{ version: string }>('select version from cs.campaigns', [], world.postgres.url);
    expect(Number(row?.version)).toBe(changes + 1);
  });

  test('A88 without room for its WAL ends, and everything that was accepted is saved once it has been started again', async ({
    skip,
  }) => {
    const world = await startOnSmallDisk();
    if (!world) return skip('this container does not let root mount a file system');
    const { archived, change } = world;
    world.fill(0);
    let changes = 0;
    await vi.waitUntil(async () => {
      changes += 1;
      await change();
      // Each takes a new file of the WAL, of which few are there.
      await query('select pg_switch_wal()', [], world.postgres.url).catch(() => undefined);
      return archived().failing;
    }, WAIT);
    expect(archived().failure?.cause).toMatch(/^(full|unreachable)$/);

    world.empty();
    await world.postgres.kill();
    await world.postgres.restart();
    await vi.waitUntil(() => !archived().failing && archived().backlogEntries === 0, WAIT);
    const [row] = await query<{ version: string }>('select version from cs.campaigns', [], world.postgres.url);
    expect(Number(row?.version)).toBe(changes + 1);
  });
});
