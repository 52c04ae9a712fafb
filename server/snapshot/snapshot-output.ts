import { createBlockWriter } from './blocks.ts';

/** How a snapshot is paced, and who hears of it. */
export interface OutputOptions {
  /**
   * Called after each read of the archive with the milliseconds of work since the last call: waits for as long as
   * others should have the archive and this thread.
   */
  pace(workMs: number): Promise<void>;
  /** Called after each {@link TURN_MS} of work between reads: lets others have this thread. */
  yieldTurn(): Promise<void>;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  readonly onProgress?: ((progress: SnapshotProgress) => void) | undefined;
}

/** How far a snapshot is. */
export interface SnapshotProgress {
  readonly campaigns: number;
  readonly entries: number;
  readonly bytes: number;
  /** Campaigns that are not in it, because their rows do not fit together. */
  readonly damaged: number;
  /** What there was at the beginning. */
  readonly expected: { readonly campaigns: number; readonly entries: number };
}

/** Milliseconds of this thread without a turn of others: a fraction of what a change takes. */
const TURN_MS = 0.5;

/** A snapshot that is being written: its lines become blocks, and its work leaves room for that of others. */
export interface SnapshotOutput {
  readonly progress: SnapshotProgress;
  count(change: Partial<SnapshotProgress>): void;
  /** Adds a line; yields a block where one is full. */
  line(text: string): AsyncGenerator<Buffer, void, undefined>;
  /** Yields the last block. */
  end(): AsyncGenerator<Buffer, void, undefined>;
  /** The answer of a read of the archive, after a rest in proportion to the work since the last one. */
  paced<T>(read: () => Promise<T>): Promise<T>;
  /** Lets others have a turn of this thread where it has worked for long enough. */
  inTurns(): Promise<void>;
}

export function createSnapshotOutput(options: OutputOptions, expected: SnapshotProgress['expected']): SnapshotOutput {
  const writer = createBlockWriter();
  let progress: SnapshotProgress = { campaigns: 0, entries: 0, bytes: 0, damaged: 0, expected };
  /** Since when work is done, without the waiting of whoever takes the blocks. */
  let workedSince = options.now();
  let turnSince = workedSince;

  const count = (change: Partial<SnapshotProgress>): void => {
    progress = { ...progress, ...change };
  };

  async function* emit(block: Buffer | undefined): AsyncGenerator<Buffer, void, undefined> {
    if (!block) return;
    count({ bytes: progress.bytes + block.length });
    options.onProgress?.(progress);
    yield block;
    workedSince = turnSince = options.now();
  }

  return {
    get progress() {
      return progress;
    },
    count,
    async *line(text) {
      yield* emit(await writer.add(text));
    },
    async *end() {
      yield* emit(await writer.flush());
    },
    async paced(read) {
      const answer = await read();
      await options.pace(options.now() - workedSince);
      workedSince = turnSince = options.now();
      return answer;
    },
    async inTurns() {
      if (options.now() - turnSince < TURN_MS) return;
      await options.yieldTurn();
      turnSince = options.now();
    },
  };
}
