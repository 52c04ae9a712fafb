/**
 * A later version's entries, as far as they differ: another format, an unknown type, a further member of each record.
 */
export const NEXT = { format: 2, type: 'edit', member: 'reviewedBy', value: { nobody: [1, 'é', null] } } as const;
