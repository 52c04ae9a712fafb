/**
 * Flags of V8 that servers are started with. Its pauses grow with what it collects at once, and others wait for them:
 * without these flags its young generation grows to 128 MB beside somebody who floods, and all of the heap is marked
 * again and again while it is small, for bytes outside of it that come and go. The figures are in
 * `docs/operations.md`, under how to size an instance.
 *
 * They count when a process starts, so that a command cannot set them for itself.
 */
export const NODE_FLAGS: readonly string[] = [
  // MB of each half of the young generation; V8's default is 16 of each, of which there may be more than two.
  '--max-semi-space-size=4',
  // MB below which nothing is collected but the young generation.
  '--initial-heap-size=128',
];
