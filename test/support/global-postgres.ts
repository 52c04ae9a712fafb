import type { TestProject } from 'vitest/node';
import { findPostgres, type TestPostgres } from '../tools/postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A real Postgres for this run; every test file takes a namespace of its own in it. */
    postgresUrl: string;
  }
}

interface Shared {
  postgres: Promise<TestPostgres>;
  users: number;
}

const SHARED = Symbol.for('campaign-state.test.postgres');
/**
 * Each project loads this module anew, in one process: what they share lies on the global object, under a key that is
 * only ours.
 */
const slot = globalThis as { [SHARED]?: Shared };

/** Vitest `globalSetup`: one Postgres for the whole run, whichever projects want it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (slot[SHARED] ??= { postgres: findPostgres(), users: 0 });
  shared.users += 1;
  const { url } = await shared.postgres;
  project.provide('postgresUrl', url);
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    delete slot[SHARED];
    await (await shared.postgres).stop();
  };
}
