import type { ConnectionState, Readable } from '../types.ts';

/** Options of what tells of a lost connection. */
export interface LostConnectionOptions {
  /**
   * How long a connection may be down before it counts as lost, in milliseconds. Default 5,000: most reconnect sooner.
   */
  readonly afterMs?: number | undefined;
}

/**
 * Calls back when the connection has been down for a while (`lost`), and when it is up again (`restored`).
 *
 * @returns how to stop
 */
export function watchLostConnection(
  connection: Readable<ConnectionState>,
  callback: (event: 'lost' | 'restored') => void,
  { afterMs = 5_000 }: LostConnectionOptions = {},
): () => void {
  let wasConnected = false;
  let isLost = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function onChange(): void {
    const { status } = connection.getSnapshot();
    if (status === 'connected') {
      clearTimeout(timer);
      timer = undefined;
      wasConnected = true;
      if (isLost) callback('restored');
      isLost = false;
    } else if (wasConnected && !isLost) {
      timer ??= setTimeout(() => {
        isLost = true;
        callback('lost');
      }, afterMs);
    }
  }

  onChange();
  const stop = connection.subscribe(onChange);
  return () => {
    stop();
    clearTimeout(timer);
  };
}
