/** An emptied field leaves the document: in a merge patch `null` removes the member. */
export function orRemoved(value: string): string | null {
  return value === '' ? null : value;
}
