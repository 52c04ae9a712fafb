import type { Writable } from 'node:stream';

/** Streams that are corked for the rest of this turn of the event loop. */
const corked = new Set<Writable>();

function uncorkAll(): void {
  // Each of them writes at once, and no other code runs within that.
  for (const stream of corked) stream.uncork();
  corked.clear();
}

/**
 * Write batching: everything that is written to the stream in this turn of the event loop goes out in one write. A
 * write to a socket costs about as much as everything else about a small answer, and mutations that are decided in one
 * group are answered in one turn.
 */
export function batchWrites(stream: Writable): void {
  if (corked.has(stream)) return;
  if (corked.size === 0) setImmediate(uncorkAll);
  corked.add(stream);
  stream.cork();
}
