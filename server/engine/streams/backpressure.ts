/** A reader counts as slow, and is sent nothing, while its socket holds more than this unsent. */
export const BACKPRESSURE_HIGH_WATER_BYTES = 256 * 1024;

/** How often a congested socket is looked at, in milliseconds: `ws` tells nobody when it has drained. */
export const BACKPRESSURE_POLL_MS = 25;

/**
 * A socket that has been congested for so long, in milliseconds, is given up: its reader has gone, or will never catch
 * up.
 */
export const BACKPRESSURE_TIMEOUT_MS = 60_000;
