/**
 * An iterator whose source is still to come: the first `next` waits for it. Ending it early ends the source too, once it is there.
 */
export function deferredIterator<T>(source: Promise<AsyncIterableIterator<T>>): AsyncIterableIterator<T> {
  let ended = false;
  // Whoever iterates hears of a failure from `next`; where nobody does, it must not count as unhandled.
  source.catch(() => undefined);

  const iterator: AsyncIterableIterator<T> = {
    async next() {
      const inner = await source;
      if (!ended) return inner.next();
      await inner.return?.();
      return { done: true, value: undefined };
    },
    async return() {
      ended = true;
      source.then(
        (inner) => inner.return?.(),
        () => undefined,
      );
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
