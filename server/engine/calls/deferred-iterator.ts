const DONE = { done: true, value: undefined } as const;

/**
 * Async iterator over a source that is not there yet: the first `next` waits for it, until the iterator is ended by
 * `return` or by the signal at the latest. Ending it early ends the source too, once it is there.
 */
export function deferredIterator<T>(
  source: Promise<AsyncIterableIterator<T>>,
  signal?: AbortSignal,
): AsyncIterableIterator<T> {
  const early = Promise.withResolvers<typeof DONE>();
  let opened: AsyncIterableIterator<T> | undefined;
  let ended = signal?.aborted === true;

  const end = (): void => {
    ended = true;
    early.resolve(DONE);
  };
  const settled = (): void => signal?.removeEventListener('abort', end);

  signal?.addEventListener('abort', end, { once: true });
  source.then(
    (inner) => {
      settled();
      opened = inner;
      if (ended) void inner.return?.();
    },
    // `next` rejects with the failure; without a `next` it must not count as unhandled.
    settled,
  );

  const iterator: AsyncIterableIterator<T> = {
    next() {
      // From now on the source knows its own end; more races would pile up reactions on one promise.
      if (opened) return opened.next();
      if (ended) return Promise.resolve(DONE);
      return Promise.race([source.then((inner) => (ended ? DONE : inner.next())), early.promise]);
    },
    async return() {
      end();
      await opened?.return?.();
      return DONE;
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
