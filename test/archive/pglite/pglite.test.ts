import { cp, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openPgliteArchive } from '../../../server/archive/index.ts';
import { prepareFolder } from '../../../server/archive/pglite/prepare-folder.ts';
import { startThread } from '../../../server/archive/pglite/worker-thread.ts';
import type { Archive } from '../../../server/engine/ports.ts';
import { campaignHistory, type CampaignHistory } from '../campaign-history.ts';
import { startChild, type Child } from '../child-process.ts';
import { archiveContract } from '../contract.ts';
import { refusesValues } from '../refuses-values.ts';

const WORKER = new URL('../../../server/archive/pglite/worker.ts', import.meta.url);

/** An empty archive's folder. Making one takes seconds, copying it does not. */
let template = '';

beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'cs-pglite-'));
  const archive = await openPgliteArchive({ dataDir: template, namespace: 'cs' });
  await archive.stop({ clean: true });
});

afterAll(() => rm(template, { recursive: true, force: true }));

async function emptyFolder(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cs-pglite-'));
  await cp(template, dataDir, { recursive: true });
  return dataDir;
}

archiveContract('PGlite in its thread', async () => {
  const dataDir = await emptyFolder();
  return {
    shared: false,
    open: () => openPgliteArchive({ dataDir, namespace: 'cs' }),
    dispose: () => rm(dataDir, { recursive: true, force: true }),
  };
});

describe('the embedded archive', () => {
  let dataDir = '';
  const children: Child[] = [];

  beforeEach(async () => {
    dataDir = await emptyFolder();
  });

  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.kill('SIGKILL')));
    await rm(dataDir, { recursive: true, force: true });
  });

  const open = (): Promise<Archive> => openPgliteArchive({ dataDir, namespace: 'cs' });

  const start = (fixture: string, ...args: string[]): Child => {
    const child = startChild(fixture, args);
    children.push(child);
    return child;
  };

  refusesValues('PGlite', open);

  test('A36 commits survive kill -9 of the process in the middle of its work, repeatedly (G4)', async () => {
    const acknowledged = new Map<string, number>();
    for (const prefix of ['first', 'second', 'third']) {
      const child = start('commit-for-ever.ts', dataDir, prefix);
      await child.line(new RegExp(`^ack ${prefix}-three (1[6-9]|[2-9]\\d)\\d*$`));
      await child.kill('SIGKILL');
      for (const line of child.lines) {
        const [, id, version] = /^ack (\S+) (\d+)$/.exec(line) ?? [];
        if (id !== undefined) acknowledged.set(id, Number(version));
      }
    }
    expect(acknowledged.size).toBe(9);
    const archive = await open();
    for (const [id, version] of acknowledged) {
      const loaded = await archive.load(id, 10_000);
      expect(loaded?.head.version).toBeGreaterThanOrEqual(version);
      expect(loaded?.recent.map(({ record }) => record.version)).toEqual(
        Array.from({ length: loaded?.head.version ?? 0 }, (_, index) => index + 1),
      );
      expect(loaded?.recent.at(-1)?.tail).toBe(loaded?.head.tail);
      expect(loaded?.state).toEqual(await archive.stateAt(id, loaded?.head.version ?? 0));
      expect(loaded?.membership).toEqual({ generation: 1, active: true });
    }
    await archive.stop({ clean: true });
  });

  test('A37 the folder is locked while the archive is open, and free once it has stopped', async () => {
    const archive = await open();
    await expect(open()).rejects.toMatchObject({
      name: 'ArchiveError',
      kind: 'in-use',
      message: expect.stringContaining(`${dataDir} is in use by process ${process.pid}`),
    });
    await archive.ping();
    await archive.stop({ clean: true });
    const again = await open();
    await again.stop({ clean: true });
  });

  test.for(['list', 'ping'] as const)(
    'A38 when the thread dies (by %s), every waiting call is rejected, and so is every later one',
    async (method) => {
      const thread = startThread(new URL('../fixtures/dying-worker.ts', import.meta.url), {
        folder: dataDir,
        namespace: 'cs',
        memberships: new Map(),
      });
      await thread.opened;
      const waiting = [
        thread.call('load', ['any', 1]),
        thread.call('heads', [[]]),
        thread.call(method, [{ limit: 1 }]),
      ];
      const rejection = { name: 'ArchiveError', kind: 'unreachable' };
      for (const call of await Promise.allSettled(waiting))
        expect(call).toMatchObject({ status: 'rejected', reason: rejection });
      await expect(thread.call('ping', [])).rejects.toMatchObject(rejection);
      await thread.end();
    },
  );

  test('A42 a thread that owes an answer for too long is terminated, one that answers is not', async () => {
    const thread = startThread(
      new URL('../fixtures/stuck-worker.ts', import.meta.url),
      { folder: dataDir, namespace: 'cs', memberships: new Map() },
      2_000,
    );
    await thread.opened;
    const until = performance.now() + 4_000;
    while (performance.now() < until) await thread.call('heads', [[]]);
    await expect(thread.call('ping', [])).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('2 s'),
    });
    expect(await thread.ended).toMatchObject({ kind: 'unreachable' });
    await thread.end();
  });

  test('A43 an embedded database that crashes is opened again, with everything that was committed, until it is stopped', async () => {
    const workers: Worker[] = [];
    const keep = (worker: Worker): unknown => workers.push(worker);
    process.on('worker', keep);
    const events: string[] = [];
    const archive = await openPgliteArchive({
      dataDir,
      namespace: 'cs',
      onCrash: ({ kind }) => events.push(kind),
      onRestart: () => events.push('restarted'),
    });
    const history = campaignHistory('kept', { slug: 's', title: 'T' });
    await history.createIn(archive);
    for (let round = 1; round <= 2; round += 1) {
      history.add({ round });
      expect(await archive.commit([history.commitAfter(round)])).toMatchObject([{ kind: 'committed' }]);
      const waiting = archive.heads(['kept']);
      await workers.at(-1)?.terminate();
      await Promise.allSettled([waiting]);
      await expect(archive.ping()).rejects.toMatchObject({ kind: 'unreachable' });
      await expect.poll(() => events.length, { timeout: 30_000 }).toBe(round * 2);
    }
    expect(events).toEqual(['unreachable', 'restarted', 'unreachable', 'restarted']);
    expect(await archive.load('kept', 10)).toMatchObject({ head: { version: 3 }, state: { round: 2 } });
    await workers.at(-1)?.terminate();
    await expect(archive.stop({ clean: true })).rejects.toMatchObject({ kind: 'unreachable' });
    process.off('worker', keep);
    expect(workers).toHaveLength(3);
    const again = await open();
    expect(await again.load('kept', 10)).toMatchObject({ head: { version: 3 } });
    await again.stop({ clean: true });
  });

  test('A45 a clean stop ends the memberships that began before the database was opened again, and only these', async () => {
    const [kept, left, crashed] = ['kept', 'left', 'crashed'].map((id) => campaignHistory(id));
    if (!kept || !left || !crashed) throw new Error('three histories');
    const enter = (archive: Archive, { campaignId, epoch }: CampaignHistory, generation: number): Promise<boolean> =>
      archive.enterLog(campaignId, { epoch, version: 1, generation });
    const before = await open();
    await crashed.createIn(before);
    expect(await enter(before, crashed, 0)).toBe(true);
    await before.stop({ clean: false });

    const workers: Worker[] = [];
    const keep = (worker: Worker): unknown => workers.push(worker);
    process.on('worker', keep);
    const restarted = Promise.withResolvers<void>();
    const archive = await openPgliteArchive({ dataDir, namespace: 'cs', onRestart: restarted.resolve });
    process.off('worker', keep);
    for (const history of [kept, left]) {
      await history.createIn(archive);
      expect(await enter(archive, history, 0)).toBe(true);
    }
    await archive.leaveLog('left', 1);
    await workers[0]?.terminate();
    await restarted.promise;
    expect((await archive.load('kept', 0))?.membership).toEqual({ generation: 1, active: true });
    await archive.stop({ clean: true });

    const after = await open();
    const memberships = await Promise.all(
      ['kept', 'left', 'crashed'].map(async (id) => (await after.load(id, 0))?.membership.active),
    );
    expect(memberships).toEqual([false, false, true]);
    await after.stop({ clean: true });
  });

  test('A44 a folder that is moved while in use accepts no writes, which would be lost, and works again when it is back', async () => {
    const archive = await open();
    const history = campaignHistory('moved', { slug: 's', title: 'T' });
    await history.createIn(archive);
    history.add({ round: 1 });
    const elsewhere = `${dataDir}-elsewhere`;
    await rename(dataDir, elsewhere);
    const sentence = { kind: 'unreachable', message: expect.stringContaining(`${dataDir} was removed or moved`) };
    await expect(archive.commit([history.commitAfter(1)])).rejects.toMatchObject(sentence);
    await expect(archive.ping()).rejects.toMatchObject(sentence);
    await expect(campaignHistory('other').createIn(archive)).rejects.toMatchObject(sentence);
    await rename(elsewhere, dataDir);
    expect(await archive.commit([history.commitAfter(1)])).toMatchObject([{ kind: 'committed' }]);
    await archive.stop({ clean: true });
  });

  test('A39 a folder that holds no database, or a broken one, is an error of the open call and leaves no lock behind', async () => {
    const first = await open();
    await first.stop({ clean: true });
    await rm(join(dataDir, 'pglite', 'global'), { recursive: true });
    await expect(open()).rejects.toMatchObject({ name: 'ArchiveError' });
    expect((await readdir(dataDir)).filter((name) => name.endsWith('.sock'))).toEqual([]);
  });

  test('A125 the files of a new database appear when they are complete; what a killed start left half-made is removed', async () => {
    await rm(join(dataDir, 'pglite'), { recursive: true });
    const halfMade = join(dataDir, 'pglite-new-0123456789ab');
    await mkdir(join(halfMade, 'base'), { recursive: true });
    await writeFile(join(halfMade, 'PG_VERSION'), '18');
    const archive = await open();
    await campaignHistory('first').createIn(archive);
    await archive.stop({ clean: true });
    expect((await readdir(dataDir)).filter((name) => name.startsWith('pglite'))).toEqual(['pglite']);
  });

  test('A125 where no process can be started, the thread makes the database', async () => {
    const folder = join(dataDir, 'pglite');
    await rm(folder, { recursive: true });
    await prepareFolder(new URL('missing-worker.ts', import.meta.url), folder);
    expect((await readdir(dataDir)).filter((name) => name.startsWith('pglite'))).toEqual([]);
    const thread = startThread(WORKER, { folder, namespace: 'cs', memberships: new Map() });
    await thread.opened;
    await thread.end();
  });

  test('A40 an idle archive does not keep its process alive', async () => {
    const child = start('open-and-idle.ts', dataDir);
    await child.line(/^idle$/);
    expect(await child.ended).toBe(0);
  });

  test('A41 the files stay small however often a state is written: old states and the log before a checkpoint are given back', async () => {
    const archive = await open();
    const history = campaignHistory('rewritten', { slug: 's', title: 'T', body: noise(200_000) });
    await history.createIn(archive);
    const before = await sizeOf(join(dataDir, 'pglite'));
    // 80 MB of states in all.
    for (let index = 0; index < 400; index += 1) {
      history.add({ index });
      await archive.commit([history.commitAfter(history.entries.length - 1)]);
    }
    await archive.stop({ clean: true });
    expect((await sizeOf(join(dataDir, 'pglite'))) - before).toBeLessThan(110_000_000);
  });
});

/** Text that compression does not shrink, the same in every run. */
function noise(length: number): string {
  let seed = 1;
  let text = '';
  while (text.length < length) {
    seed = (seed * 48_271) % 2_147_483_647;
    text += seed.toString(36);
  }
  return text.slice(0, length);
}

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
