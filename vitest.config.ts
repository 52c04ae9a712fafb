import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';

// Of the processes that tests start, by the hundred: what was compiled for one is there for the next, in less than half
// of the time.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules', '.cache', 'node');

const resolve = { conditions: ['source'] };

/**
 * When a test or a hook counts as hanging, in milliseconds: what it waits for has no time of its own, and a busy
 * machine takes many times what a quiet one does.
 */
const HANGS_AFTER = { testTimeout: 180_000, hookTimeout: 300_000 };

/** Those that take minutes, the longest first: begun last, each of them would keep everybody waiting at the end. */
const LONG = [
  'snapshot/running-server.test.ts',
  'faults/faults.test.ts',
  'faults/deployments.test.ts',
  'frameworks/frameworks.test.ts',
  'start/main.test.ts',
  'pglite/pglite.test.ts',
  'sdk/package.test.ts',
  'relay/workers.test.ts',
  'transport/slow-readers.test.ts',
  'faults/upgrade.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: Parameters<BaseSequencer['sort']>[0]): ReturnType<BaseSequencer['sort']> {
    const rank = (moduleId: string): number => {
      const index = LONG.findIndex((path) => moduleId.endsWith(path));
      return index < 0 ? LONG.length : index;
    };
    return (await super.sort(files)).sort((a, b) => rank(a.moduleId) - rank(b.moduleId));
  }
}

export default defineConfig({
  resolve,
  ssr: { resolve },
  test: {
    // More than there are cores, where these are few: most tests wait for a process, a database or a timer.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'test/{access,core,engine,sim,spec,targeting}/**/*.test.ts',
            'test/bench/report/*.test.ts',
            'test/e2e/model/*.test.{ts,tsx}',
            'test/log/{memory,shared}-log.test.ts',
          ],
          ...HANGS_AFTER,
        },
      },
      {
        extends: true,
        test: {
          name: 'redis',
          include: ['test/log/redis*.test.ts'],
          ...HANGS_AFTER,
        },
      },
      {
        extends: true,
        test: {
          name: 'archive',
          include: ['test/{archive,audit,snapshot}/**/*.test.ts'],
          globalSetup: ['test/support/global-postgres.ts'],
          ...HANGS_AFTER,
        },
      },
      {
        extends: true,
        test: {
          name: 'api',
          include: ['test/{api,relay,start,fuzz}/**/*.test.ts'],
          ...HANGS_AFTER,
        },
      },
      {
        extends: true,
        test: { name: 'sdk', include: ['test/sdk/**/*.test.{ts,tsx}'], ...HANGS_AFTER },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          // Of whole runs, which a busy machine makes longer: what hangs ends all the same.
          testTimeout: 900_000,
          hookTimeout: HANGS_AFTER.hookTimeout,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/*.test.ts'],
          globalSetup: ['test/e2e/support/global-setup.ts'],
          // Of several pages, each as slow as its browser, and of hooks that make thousands of versions.
          testTimeout: 300_000,
          hookTimeout: 600_000,
          // One waits for a page where the other computes; after the others, so that a browser does not starve.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
