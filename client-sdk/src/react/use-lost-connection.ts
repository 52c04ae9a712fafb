import { useEffect, useRef } from 'react';
import { useCampaignClient } from './provider/context.ts';

/** Options of {@link useLostConnection}. */
export interface UseLostConnectionOptions {
  /**
   * How long a connection may be down before it counts as lost, in milliseconds. Default 5,000: most reconnect sooner.
   */
  readonly afterMs?: number | undefined;
}

/**
 * Calls back when the connection has been down for a while (`lost`), and when it is up again (`restored`): for a banner
 * or a toast. The newest callback is called; it need not be stable.
 *
 * @example useLostConnection((event) => toast(event === 'lost' ? 'Connection lost, changes are kept' : 'Connected
 *   again'));
 */
export function useLostConnection(
  callback: (event: 'lost' | 'restored') => void,
  { afterMs = 5_000 }: UseLostConnectionOptions = {},
): void {
  const { connection } = useCampaignClient();
  const latest = useRef(callback);
  useEffect(() => {
    latest.current = callback;
  }, [callback]);

  useEffect(() => {
    let wasConnected = connection.getSnapshot().status === 'connected';
    let isLost = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    function onChange(): void {
      const { status } = connection.getSnapshot();
      if (status === 'connected') {
        clearTimeout(timer);
        timer = undefined;
        wasConnected = true;
        if (isLost) latest.current('restored');
        isLost = false;
      } else if (wasConnected && !isLost) {
        timer ??= setTimeout(() => {
          isLost = true;
          latest.current('lost');
        }, afterMs);
      }
    }
    onChange();
    const stop = connection.subscribe(onChange);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [connection, afterMs]);
}
