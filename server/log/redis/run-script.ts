import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';

/** Runs a script with its keys and its arguments. A rejection leaves the outcome unknown. */
export type RunScript = (script: string, keys: readonly string[], args: readonly string[]) => Promise<unknown>;

const digests = new Map<string, string>();

function digestOf(script: string): string {
  const known = digests.get(script);
  if (known !== undefined) return known;
  const digest = createHash('sha1').update(script).digest('hex');
  digests.set(script, digest);
  return digest;
}

/**
 * Runs a script by its digest, and sends its text where the server does not have it yet. A rejection leaves the outcome
 * unknown.
 */
export async function runScript(
  client: Redis | Cluster,
  script: string,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  try {
    return await client.evalsha(digestOf(script), keys.length, ...keys, ...args);
  } catch (error) {
    // The one error that says that nothing was done.
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return client.eval(script, keys.length, ...keys, ...args);
  }
}
