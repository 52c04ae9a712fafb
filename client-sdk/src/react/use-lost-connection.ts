import { useEffect, useRef } from 'react';
import { watchLostConnection, type LostConnectionOptions } from '../views/lost-connection.ts';
import { useCampaignClient } from './provider/context.ts';

/** Options of {@link useLostConnection}. */
export type { LostConnectionOptions as UseLostConnectionOptions } from '../views/lost-connection.ts';

/**
 * Calls back when the connection has been down for a while (`lost`), and when it is up again (`restored`): for a banner
 * or a toast. The newest callback is called; it need not be stable.
 *
 * @example useLostConnection((event) => toast(event === 'lost' ? 'Connection lost, changes are kept' : 'Connected
 *   again'));
 */
export function useLostConnection(
  callback: (event: 'lost' | 'restored') => void,
  { afterMs }: LostConnectionOptions = {},
): void {
  const { connection } = useCampaignClient();
  const latest = useRef(callback);
  useEffect(() => {
    latest.current = callback;
  }, [callback]);

  useEffect(
    () => watchLostConnection(connection, (event) => latest.current(event), { afterMs }),
    [connection, afterMs],
  );
}
