/** What one of several sources has answered. */
export interface Turn<T> {
  readonly index: number;
  readonly result?: IteratorResult<T, unknown>;
  readonly error?: unknown;
}

/** Several sources as one: what comes first is delivered first. */
export interface Interleaved<T> {
  /** The next answer of any of them; `undefined` once it is closed. After a value its source is asked for the next. */
  next(): Promise<Turn<T> | undefined>;
  /** Asks one more source from now on. */
  add(source: AsyncIterator<T>): void;
  close(): Promise<void>;
}

/**
 * Interleaves sources. Of each one event is taken ahead and no more, so that a slow reader costs one event a stream.
 * (`Promise.race` over the sources would keep a reaction for each event at those that are silent.)
 */
export function interleave<T>(): Interleaved<T> {
  const sources: AsyncIterator<T>[] = [];
  const ready: Turn<T>[] = [];
  let isClosed = false;
  let wake = (): void => {};

  function take(index: number): void {
    const arrive = (turn: Turn<T>): void => {
      ready.push(turn);
      wake();
    };
    sources[index]?.next().then(
      (result) => arrive({ index, result }),
      (error: unknown) => arrive({ index, error }),
    );
  }

  return {
    async next() {
      while (!isClosed) {
        const turn = ready.shift();
        if (!turn) {
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        if (turn.result?.done === false) take(turn.index);
        return turn;
      }
      return undefined;
    },
    add(source) {
      take(sources.push(source) - 1);
    },
    async close() {
      isClosed = true;
      wake();
      await Promise.all(sources.map(async (source) => source.return?.()));
    },
  };
}
