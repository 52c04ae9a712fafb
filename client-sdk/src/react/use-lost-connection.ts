import { useEffect, useRef } from 'react';
import { useCampaignClient } from './context.ts';

export interface UseLostConnectionOptions {
  /**
   * How long a connection may be away before it counts as lost, in milliseconds. Default 5,000: most come back before
   * anyone notices.
   */
  readonly afterMs?: number;
}

/**
 * Calls back when the connection has been away for a while, and when it is back: for a banner or a toast.
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
    let lost = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    function look(): void {
      const { status } = connection.getSnapshot();
      if (status === 'connected') {
        clearTimeout(timer);
        timer = undefined;
        wasConnected = true;
        if (lost) latest.current('restored');
        lost = false;
      } else if (wasConnected && !lost) {
        timer ??= setTimeout(() => {
          lost = true;
          latest.current('lost');
        }, afterMs);
      }
    }
    look();
    const stop = connection.subscribe(look);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [connection, afterMs]);
}
