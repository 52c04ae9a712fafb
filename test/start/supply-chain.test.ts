import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ROOT } from './support/processes.ts';

const SBOM = join(ROOT, 'test', 'tools', 'sbom.mjs');

interface Bom {
  readonly bomFormat: string;
  readonly metadata: { readonly component: { readonly name: string } };
  readonly components: readonly { readonly name: string; readonly version: string }[];
}

test.each([
  ['server', ['kysely', 'ws', 'ioredis', 'pg', 'zod']],
  ['client-sdk', ['@trpc/client', '@trpc/server', '@trpc/react-query']],
])(
  'F90 %s carries a bill of materials of what its users get, under licences that are allowed',
  async (folder, named) => {
    const cwd = join(ROOT, folder);
    await promisify(execFile)(process.execPath, [SBOM], { cwd });
    const bom: Bom = JSON.parse(await readFile(join(cwd, 'sbom.cdx.json'), 'utf8'));
    const { name } = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8'));
    expect(bom.bomFormat).toBe('CycloneDX');
    expect(bom.metadata.component.name).toBe(name);
    expect(bom.components.map((component) => component.name)).toEqual(expect.arrayContaining(named));
  },
);
