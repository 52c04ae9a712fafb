import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { normaliseCampaignFile } from '../../server/core/document/normalise.ts';
import { sections } from '../../start/sections.ts';

test('F93 the campaigns of this repository meet what its own sections say', async () => {
  const start = join(import.meta.dirname, '..', '..', 'start');
  const campaigns = await readdir(join(start, 'campaigns'));
  expect(campaigns.length).toBeGreaterThan(0);
  for (const file of ['default_campaign.json', ...campaigns.map((name) => join('campaigns', name))]) {
    const content: unknown = JSON.parse(await readFile(join(start, file), 'utf8'));
    expect([file, normaliseCampaignFile(content, sections)]).toMatchObject([file, { ok: true }]);
  }
});
