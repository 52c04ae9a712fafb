import { useAccess } from '@campaign-state/client/react';
import type { Server } from './client-lines.ts';

/** This page's server, as an app of somebody's connects to it. */
export function useServer(): Server {
  const { anonymous, id } = useAccess();
  return { url: location.origin, needsToken: anonymous === false && id !== 'dev' };
}
