import { createHash } from 'node:crypto';
import { TARGETING_NAME_PATTERN, type RuleInput, type Segment } from '../../core/document/targeting-fields.ts';
import type { JsonObject } from '../../core/json.ts';

/** Something that an import says of a flag, in words that continue its name. */
export interface ImportFinding {
  readonly flag: string;
  readonly message: string;
}

/** What a file of another service comes to in a campaign. Nothing is written by making one. */
export interface ImportPlan {
  /** Features that everybody has. */
  readonly features: readonly string[];
  /** Values that everybody has, below `flags`, by name. */
  readonly values: JsonObject;
  readonly segments: Readonly<Record<string, Segment>>;
  /** In the order in which they can be written: a rule stands behind the one that it requires. */
  readonly rules: ReadonlyMap<string, RuleInput>;
  /** The flags that are carried over. */
  readonly flags: readonly string[];
  /** What is carried over, and is not quite the same. */
  readonly notes: readonly ImportFinding[];
  /** The flags that are not carried over, each with why. A flag is carried as a whole or not at all. */
  readonly leftOut: readonly ImportFinding[];
}

/** The member of the document that holds the values of flags which are more than on and off. */
export const VALUES_FIELD = 'flags';

/** Thrown inside an importer where a flag cannot be carried; ends that flag, and nothing else. */
export class NotCarried extends Error {}

/** Digits of the hash that tells names apart which were shortened to the same. */
const HASH_DIGITS = 6;
const NAME_LENGTH = 64;

/**
 * Gives names that a rule, an arm or a segment can have: the name itself where it is one, and has not been given.
 *
 * @example createNames()('neue Preise') // 'neue-Preise-3f1c2a'
 */
export function createNames(taken: Iterable<string> = []): (text: string) => string {
  const given = new Set(taken);
  return (text) => {
    let name = text;
    for (let turn = 0; !TARGETING_NAME_PATTERN.test(name) || given.has(name); turn += 1) {
      const hash = createHash('sha256')
        .update(`${text}${turn === 0 ? '' : turn}`)
        .digest('hex');
      const readable = text.replaceAll(/[^A-Za-z0-9._:-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
      const cut = readable.slice(0, NAME_LENGTH - HASH_DIGITS - 1);
      name = `${cut === '' ? 'name' : cut}-${hash.slice(0, HASH_DIGITS)}`;
    }
    given.add(name);
    return name;
  };
}
