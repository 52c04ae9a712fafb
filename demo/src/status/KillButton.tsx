import { useEffect, useState } from 'react';
import { useConnection } from '@campaign-state/client/react';

/**
 * In development: ends the server's process for good, so that its return can be watched. Where the server does not
 * offer it, the other words stand there.
 */
export function KillButton({ otherwise, killed }: { otherwise?: string; killed?: () => void }) {
  const { status } = useConnection();
  const [isOffered, setOffered] = useState<boolean>();
  const [error, setError] = useState<string>();

  useEffect(() => {
    const controller = new AbortController();
    offersKill(controller.signal).then(setOffered, () => !controller.signal.aborted && setOffered(false));
    return () => controller.abort();
  }, []);

  async function kill(): Promise<void> {
    setError(undefined);
    try {
      await fetch('/dev/kill', { method: 'POST' });
    } catch {
      // The process died before it could answer: that is what was asked for.
      if (status !== 'connected') {
        setError('The server is not reachable.');
        return;
      }
    }
    killed?.();
  }

  if (isOffered !== true) return isOffered === false && otherwise !== undefined ? <p>{otherwise}</p> : undefined;
  return (
    <>
      <button type="button" className="kill" disabled={status !== 'connected'} onClick={() => void kill()}>
        Kill server
      </button>
      {error !== undefined && <span role="alert">{error}</span>}
    </>
  );
}

async function offersKill(signal: AbortSignal): Promise<boolean> {
  const response = await fetch('/dev', { signal, headers: { accept: 'application/json' } });
  if (!response.ok) return false;
  const answer: unknown = await response.json();
  return typeof answer === 'object' && answer !== null && 'kill' in answer && answer.kill === true;
}
