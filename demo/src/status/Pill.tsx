import type { ConnectionState } from '@campaign-state/client';

/** How a connection stands. */
export function Pill({ of, connection }: { of: string; connection: ConnectionState }) {
  return (
    <span className="pill" data-status={connection.status}>
      <span className="visually-hidden">{of}: </span>
      {say(connection)}
    </span>
  );
}

function say({ status, attempt }: ConnectionState): string {
  switch (status) {
    case 'connecting':
      return 'Connecting';
    case 'connected':
      return 'Live';
    case 'reconnecting':
      return attempt > 1 ? `Reconnecting, attempt ${attempt}` : 'Reconnecting';
    case 'offline':
      return 'Offline';
    case 'needs-auth':
      return 'Token needed';
    case 'closed':
      return 'Closed';
  }
}
