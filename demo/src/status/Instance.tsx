import { useEffect } from 'react';
import { trpc, useConnection } from '@campaign-state/client/react';

/** Which server is at the other end; asked again after every reconnect, for it may be another one. */
export function Instance() {
  const { status } = useConnection();
  const { data, refetch } = trpc.system.info.useQuery();
  useEffect(() => {
    if (status === 'connected') void refetch();
  }, [status, refetch]);
  return (
    data && (
      <span className="instance" title={`Version ${data.version}`}>
        instance {data.instance.slice(0, 4)}
      </span>
    )
  );
}
