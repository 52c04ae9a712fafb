import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'tsdown';
import { atMost, type Row } from '../harness/row.ts';

const SDK = join(import.meta.dirname, '..', '..', '..', 'client-sdk');
const KB = 1_024;

/**
 * What an app's bundler makes of the SDK and a page loads with it, minified and gzipped: without React, TanStack Query,
 * and what is loaded on demand.
 */
export const sdkSize: Row = {
  name: 'sdk-size',
  rounds: { full: 1, quick: 1, verify: 1 },
  lines: [
    { name: 'sdk-vanilla', title: 'SDK, gzipped', unit: 'KB', targets: [atMost(22)] },
    { name: 'sdk-react', title: 'SDK with React hooks, gzipped', unit: 'KB', targets: [atMost(28)] },
  ],
  async measure(round) {
    const folder = await round.services.folder();
    // As it is published: its own build leaves out what no app needs.
    await build({
      config: join(SDK, 'tsdown.config.ts'),
      cwd: SDK,
      logLevel: 'error',
      outDir: join(folder, 'package'),
      dts: false,
    });
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await symlink(join(SDK, '..', 'node_modules'), join(folder, 'node_modules'));
    round.record('sdk-vanilla', 'ours', (await gzipped(['index'], folder)) / KB);
    round.record('sdk-react', 'ours', (await gzipped(['index', 'react'], folder)) / KB);
  },
};

async function gzipped(modules: readonly string[], folder: string): Promise<number> {
  const name = modules.join('-');
  const entry = join(folder, `${name}.js`);
  await writeFile(entry, modules.map((module) => `export * from './package/${module}.js';`).join('\n'));
  const outDir = join(folder, `bundle-${name}`);
  await build({
    config: false,
    logLevel: 'error',
    cwd: folder,
    entry: { bundle: entry },
    outDir,
    format: 'esm',
    platform: 'browser',
    minify: true,
    dts: false,
    define: { 'process.env.NODE_ENV': '"production"' },
    deps: { alwaysBundle: [/^@trpc\//], onlyBundle: false, neverBundle: [/^react/, /^@tanstack\//] },
  });
  const files = [...(await staticImports(outDir, 'bundle.js'))];
  const sizes = await Promise.all(
    files.map(async (file) => gzipSync(await readFile(join(outDir, file)), { level: 9 }).length),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** A built file and those that it imports statically, however deep; what is loaded on demand is not among them. */
async function staticImports(outDir: string, file: string, found = new Set<string>()): Promise<Set<string>> {
  if (found.has(file)) return found;
  found.add(file);
  const code = await readFile(join(outDir, file), 'utf8');
  for (const [, imported = ''] of code.matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g))
    await staticImports(outDir, imported, found);
  return found;
}
