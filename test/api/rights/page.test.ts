import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { appRouter } from '../../../server/api/procedures/router.ts';
import { rightsPage } from './page.ts';
import { PATHS } from './table.ts';

test('P50 docs/rights.md is what the code says; `npm run rights` writes it', async () => {
  const committed = await readFile(join(import.meta.dirname, '..', '..', '..', 'docs', 'rights.md'), 'utf8');
  expect(committed).toBe(rightsPage());
});

test('P50 the page of rights: no procedure of the router is missing in it', () => {
  expect(PATHS).toEqual(Object.keys(appRouter._def.procedures));
});
