import type { Writable } from 'node:stream';

/** Streams that hold back what is written to them in this turn of the event loop. */
const held = new Set<Writable>();

function writeAll(): void {
  // Each of them writes at once, and nothing of ours runs within that.
  for (const stream of held) stream.uncork();
  held.clear();
}

/**
 * Makes one write of all that this turn of the event loop writes to a stream. A write to a socket costs about as much
 * as everything else about a small answer, and mutations that are decided together are answered together.
 */
export function writeTogether(stream: Writable): void {
  if (held.has(stream)) return;
  if (held.size === 0) setImmediate(writeAll);
  held.add(stream);
  stream.cork();
}
