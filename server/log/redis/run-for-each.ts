import { asList } from './replies/values.ts';
import type { RunScript } from './run-script.ts';

/**
 * Keys in one call: enough that the round trip costs nothing, few enough that Redis serves others in between. Even,
 * because some scripts take two keys for each element.
 */
const MAX_KEYS_PER_CALL = 500;

/**
 * Runs a script that answers one element for each of its keys, or pairs of keys.
 *
 * @param groups keys that may always go together: those of one partition
 * @returns the answers, in the order of the keys
 */
export type RunForEach = (
  script: string,
  groups: readonly (readonly string[])[],
  args: readonly string[],
) => Promise<readonly unknown[]>;

/**
 * Few calls for all keys where one node has them, one call for each group on a cluster. A cluster of a single node
 * looks like any Redis until it refuses keys of several slots (`CROSSSLOT`): nothing was done then, and from there on
 * each group is a call of its own.
 */
export function createRunForEach(run: RunScript, isCluster: () => boolean): RunForEach {
  let oneCallPerGroup = false;

  return async (script, groups, args) => {
    const runAll = async (calls: readonly (readonly string[])[]): Promise<unknown[]> => {
      const replies = await Promise.all(calls.map((keys) => run(script, keys, args)));
      return replies.flatMap((reply) => asList('a call for each key', reply));
    };
    if (oneCallPerGroup || isCluster()) return runAll(groups);
    try {
      return await runAll(inChunks(groups.flat()));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('CROSSSLOT')) throw error;
      oneCallPerGroup = true;
      return runAll(groups);
    }
  };
}

function inChunks(keys: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(keys.length / MAX_KEYS_PER_CALL) }, (_, index) =>
    keys.slice(index * MAX_KEYS_PER_CALL, (index + 1) * MAX_KEYS_PER_CALL),
  );
}
