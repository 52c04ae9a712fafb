import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readStartFiles } from '../../server/cli/start-files.ts';
import { lastWords, ROOT, run, temporaryFolder } from './support/processes.ts';

async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'campaigns'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

const flat = (slug: string): string => JSON.stringify({ slug, title: slug });

describe('F3 start files', () => {
  test('F3 the default campaign comes first, then the others by name; lists and the nested shape too', async () => {
    const nested = { metadata: { service_specific: { campaign: { slug: 'nested', title: 'N' } }, features: ['a'] } };
    const folder = await folderWith({
      'default_campaign.json': flat('main'),
      'campaigns/b.json': JSON.stringify([
        { slug: 'one', title: '1' },
        { slug: 'two', title: '2' },
      ]),
      'campaigns/a.json': JSON.stringify(nested),
      'campaigns/notes.txt': 'not a campaign',
    });
    expect((await readStartFiles(folder)).map(({ campaignId }) => campaignId)).toEqual([
      'main',
      'nested',
      'one',
      'two',
    ]);
  });

  test('F3 a byte order mark is skipped', async () => {
    const folder = await folderWith({ 'default_campaign.json': `\uFEFF${flat('main')}` });
    expect((await readStartFiles(folder)).map(({ campaignId }) => campaignId)).toEqual(['main']);
  });

  test('F3 files that do not exist are left out', async () => {
    expect(await readStartFiles(await temporaryFolder())).toEqual([]);
  });

  test('F3 a folder that does not exist stops the start', async () => {
    const folder = join(await temporaryFolder(), 'nowhere');
    await expect(readStartFiles(folder)).rejects.toThrow(`The folder of start files ${folder} cannot be read (ENOENT`);
  });

  const broken: [string, Record<string, string>, RegExp][] = [
    ['no JSON', { 'default_campaign.json': '{"slug":' }, /default_campaign\.json cannot be used: it is not JSON/],
    ['no campaign', { 'campaigns/x.json': '"hello"' }, /x\.json cannot be used/],
    ['no title', { 'campaigns/x.json': '{"slug":"x"}' }, /x\.json cannot be used: .*title/],
    [
      'a slug that is no id',
      { 'campaigns/x.json': '{"slug":"Not An Id","title":"x"}' },
      /x\.json cannot be used: slug/,
    ],
    [
      'a slug twice',
      { 'default_campaign.json': flat('x'), 'campaigns/x.json': flat('x') },
      /x\.json cannot be used: another start file/,
    ],
  ];

  test.each(broken)('F3 %s is one sentence that names the file', async (_name, files, says) => {
    const folder = await folderWith(files);
    const error = await readStartFiles(folder).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toMatch(says);
    expect(String(error).split('\n')).toHaveLength(1);
  });

  test('F3 a broken file stops the start', async () => {
    const checkout = await temporaryFolder();
    await cp(join(ROOT, 'start'), join(checkout, 'start'), { recursive: true });
    await writeFile(join(checkout, 'start', 'campaigns', 'broken.json'), '{"slug":');
    for (const folder of ['server', 'node_modules']) await symlink(join(ROOT, folder), join(checkout, folder));
    const { code, sentence } = await lastWords(run([join(checkout, 'start', 'main.ts')], { PORT: '0' }, checkout));
    expect(code).toBe(1);
    expect(sentence).toMatch(/^\S+broken\.json cannot be used: it is not JSON \(.*\)\.$/);
  });

  test('F3 the start files of this repository can be read', async () => {
    const campaigns = await readStartFiles(join(ROOT, 'start'));
    expect(campaigns[0]?.campaignId).toBe('ovasabi_website');
    expect(campaigns.length).toBeGreaterThanOrEqual(4);
  });
});
