import { randomHex } from '../random-hex.ts';

/** The longest id that the contract allows. */
const LONGEST = 64;
const PATTERN = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/**
 * An id for a campaign of that title: what the contract allows, and `undefined` where nothing of the title can be used.
 *
 * @example campaignIdFor('Été à Paris!') // 'ete_a_paris'
 */
export function campaignIdFor(title: string): string | undefined {
  const plain = title.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const id = plain
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, LONGEST)
    .replaceAll(/^_+|_+$/g, '');
  return id === '' ? undefined : id;
}

/** Whether a title has letters or digits that its id would be without. */
export function needsTransliteration(title: string): boolean {
  return /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(
    title
      .normalize('NFKD')
      .replaceAll(/\p{M}/gu, '')
      .replaceAll(/[a-z0-9]/gi, ''),
  );
}

/** An id for a title of any script, in Latin letters; the tables for it are loaded when they are needed. */
export async function transliteratedIdFor(title: string): Promise<string | undefined> {
  const { default: anyAscii } = await import('any-ascii');
  return campaignIdFor(anyAscii(title));
}

/** An id for a title that says nothing. */
export function madeId(): string {
  return `campaign_${randomHex(3)}`;
}

/** Why that cannot be an id, or `undefined` where it can. */
export function faultOfId(id: string): string | undefined {
  if (PATTERN.test(id)) return undefined;
  if (id === '') return 'It needs an id.';
  if (id.length > LONGEST) return `An id has at most ${LONGEST} characters.`;
  return /^[a-z0-9]/.test(id)
    ? 'An id has small Latin letters, digits, _ and - only.'
    : 'An id begins with a small Latin letter or a digit.';
}
