import type { ConnectionState } from '@campaign-state/client';

/** Each as short as the others: which attempt it is stands where there is room for it. */
const WORDS: Readonly<Record<ConnectionState['status'], string>> = {
  connecting: 'Connecting',
  connected: 'Live',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
  'needs-auth': 'Token needed',
  closed: 'Closed',
};

/** How a connection stands. */
export function Pill({ of, connection }: { of: string; connection: ConnectionState }) {
  return (
    <span className="pill" data-status={connection.status}>
      <span className="visually-hidden">{of}: </span>
      {WORDS[connection.status]}
    </span>
  );
}
