import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: {
    index: 'index.ts',
    // `npx @campaign-state/server`
    bin: 'cli/bin.ts',
    // The embedded archive starts it as a thread, from beside the bundle.
    'pglite-worker': 'archive/pglite/worker.ts',
  },
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // `.js`, as `package.json` and the archive's thread have it.
  fixedExtension: false,
  dts: { entry: 'index.ts' },
});
