/** Source of incoming messages, a ws socket, as the fair turns see it. */
export interface InboundSource {
  /** Whether its messages are still wanted. */
  readonly isOpen: boolean;
  /** Key under which its turns are shared: the caller, or the address of a caller without a token. */
  readonly payer: string;
  /** About what one of its messages costs, in points, beside its bytes where they are counted apart. */
  readonly messagePrice: number;
  /** Milliseconds until its budget, and its client's reading, allow more work; 0 where they do now. */
  waitMs(): number;
  /**
   * Starts the next messages of its queue: as many as cost so many points with their bytes, and at least one; returns
   * whether more are waiting.
   */
  startNext(points: number): boolean;
}

/** Points of work that one payer may start in one turn of the event loop: less than a millisecond (`PRICES`). */
export const TURN_POINTS = 24;

/** The same for a payer who is alone: about three milliseconds, the most that anyone who comes then waits for. */
export const TURN_POINTS_ALONE = 128;

/** Time without work of anyone else after which a payer is alone, in milliseconds. */
const ALONE_AFTER_MS = 250;

/**
 * Fair turns between callers. Within one turn of the event loop a caller starts at most {@link TURN_POINTS} of work;
 * messages beyond that wait in the queue of their source, which is not read meanwhile. The queues take turns: callers
 * in rotation, then the sources of a caller, one slice per turn of the event loop, so that messages of others are read
 * in between. A source whose budget is overdrawn waits until it is not. A caller beside whom nobody has worked for a
 * quarter of a second has {@link TURN_POINTS_ALONE}, so that what it sends together is decided and written together.
 */
export class FairTurns {
  /** Points started in this turn of the event loop, by payer. */
  readonly #started = new Map<string, number>();
  #isReset = true;
  /** Sources with waiting messages, by payer; the next payer and its next source come first. */
  readonly #waiting = new Map<string, Set<InboundSource>>();
  /** Timers of sources that wait for their budget. */
  readonly #delayed = new Map<InboundSource, NodeJS.Timeout>();
  #isDraining = false;
  readonly #now: () => number;
  #latestPayer: string | undefined;
  /** When the latest payer took over from another. */
  #aloneSince: number;

  /** @param now monotonic clock, in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#aloneSince = now();
  }

  /**
   * Whether the source may start so many messages in this turn; they count as started then.
   *
   * @param inputPoints price of their bytes, where the price of a message leaves it out
   */
  tryStart(source: InboundSource, messages: number, inputPoints = 0): boolean {
    const { payer } = source;
    const started = this.#started.get(payer) ?? 0;
    const points = messages * source.messagePrice + inputPoints;
    const limit = this.#limitOf(payer);
    if (started > 0 && started + points > limit) return false;
    if (started === 0 && points > limit && messages > 1) return false;
    if (source.waitMs() > 0) return false;
    this.#started.set(payer, started + points);
    if (this.#isReset) {
      this.#isReset = false;
      setImmediate(this.#reset);
    }
    return true;
  }

  /** Queues a source until all of its messages are started. */
  wait(source: InboundSource): void {
    if (this.#delayed.has(source)) return;
    const { payer } = source;
    const sources = this.#waiting.get(payer);
    if (sources) sources.add(source);
    else this.#waiting.set(payer, new Set([source]));
    if (this.#isDraining) return;
    this.#isDraining = true;
    setImmediate(this.#drain);
  }

  /**
   * Lets go of a source that has ended. Its caller may have to wait for minutes, and may open and end as many
   * connections as it likes meanwhile: each would be held until then, with all that it has sent.
   */
  leave(source: InboundSource): void {
    clearTimeout(this.#delayed.get(source));
    this.#delayed.delete(source);
    const sources = this.#waiting.get(source.payer);
    sources?.delete(source);
    if (sources?.size === 0) this.#waiting.delete(source.payer);
  }

  /** Points that the payer may start in this turn. */
  #limitOf(payer: string): number {
    if (payer !== this.#latestPayer) {
      this.#latestPayer = payer;
      this.#aloneSince = this.#now();
      return TURN_POINTS;
    }
    return this.#now() - this.#aloneSince >= ALONE_AFTER_MS ? TURN_POINTS_ALONE : TURN_POINTS;
  }

  readonly #reset = (): void => {
    this.#isReset = true;
    this.#started.clear();
  };

  readonly #drain = (): void => {
    const source = this.#next();
    if (source?.isOpen === true) {
      const waitMs = source.waitMs();
      if (waitMs > 0) this.#later(source, waitMs);
      else if (source.startNext(this.#limitOf(source.payer))) this.wait(source);
    }
    this.#isDraining = this.#waiting.size > 0;
    if (this.#isDraining) setImmediate(this.#drain);
  };

  /** Queues a source again once it need not wait; those that wait take no turns. */
  #later(source: InboundSource, waitMs: number): void {
    const look = (): void => {
      this.#delayed.delete(source);
      const again = source.isOpen ? source.waitMs() : 0;
      if (again > 0) this.#later(source, again);
      else this.wait(source);
    };
    // The timer keeps no process alive: the socket does.
    this.#delayed.set(source, setTimeout(look, waitMs).unref());
  }

  /** Takes the next source, and moves its payer to the end of the rotation. */
  #next(): InboundSource | undefined {
    for (const [payer, sources] of this.#waiting) {
      const [source] = sources;
      this.#waiting.delete(payer);
      if (!source) continue;
      sources.delete(source);
      if (sources.size > 0) this.#waiting.set(payer, sources);
      return source;
    }
    return undefined;
  }
}
