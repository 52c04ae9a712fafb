import { asList } from './replies.ts';
import type { RunScript } from './run-script.ts';

/** Keys in one call: enough that the way there and back is nothing, few enough that Redis serves others in between. */
const AT_ONCE = 500;

/**
 * Runs a script that answers one element for each of its keys.
 *
 * @param groups keys that may go together anywhere: those of one partition
 * @returns the answers, in the order of the keys
 */
export type RunForEach = (
  script: string,
  groups: readonly (readonly string[])[],
  args: readonly string[],
) => Promise<readonly unknown[]>;

/**
 * One call for all keys where one node has them, one for each group on a cluster. A cluster of a single node looks like
 * any Redis, until it refuses keys of several slots: nothing has been done then, and from there on its groups go apart.
 */
export function createRunForEach(run: RunScript, isCluster: boolean): RunForEach {
  let apart = isCluster;

  return async (script, groups, args) => {
    const runAll = async (calls: readonly (readonly string[])[]): Promise<unknown[]> => {
      const replies = await Promise.all(calls.map((keys) => run(script, keys, args)));
      return replies.flatMap((reply) => asList('a call for each key', reply));
    };
    if (apart) return runAll(groups);
    try {
      return await runAll(inChunks(groups.flat()));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('CROSSSLOT')) throw error;
      apart = true;
      return runAll(groups);
    }
  };
}

function inChunks(keys: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(keys.length / AT_ONCE) }, (_, index) =>
    keys.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  );
}
