/** The longest id that the contract allows. */
const LONGEST = 64;

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
