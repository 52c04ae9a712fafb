/** The list with that item at that index; the others keep their order. */
export function moved<T>(items: readonly T[], item: T, to: number): readonly T[] {
  return items.filter((other) => other !== item).toSpliced(to, 0, item);
}
