import { useEffect, useMemo, useRef, useState } from 'react';
import { createCampaignClient, type CampaignClientOptions } from '../../client.ts';
import type { CampaignClient } from '../../types.ts';

/** A client of a render that React has discarded is closed after this, in milliseconds: nothing tells of a discard. */
const UNMOUNTED_TIMEOUT_MS = 10_000;

/** A client, and how long it is needed. */
interface OwnedClient {
  readonly client: CampaignClient;
  readonly isClosed: () => boolean;
  /** Keeps it open until the returned function is called, and a moment longer: StrictMode mounts everything twice. */
  readonly retain: () => () => void;
}

/**
 * A client that lives as long as the component. It is made while rendering, so that a page can be rendered on a server,
 * and closed when the component is unmounted and not mounted again at once.
 *
 * @returns `undefined` without options
 */
export function useOwnedClient(options: CampaignClientOptions | undefined): CampaignClient | undefined {
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const [generation, setGeneration] = useState(0);
  const identity = options && JSON.stringify([options.url, options.persist ?? false, generation]);
  // Another client only where it is that of another server or user.
  // oxlint-disable-next-line react-hooks/exhaustive-deps
  const owned = useMemo(() => (options ? createOwnedClient(options, latest) : undefined), [identity]);
  const { token } = options ?? {};

  useEffect(() => {
    if (!owned) return undefined;
    if (!owned.isClosed()) return owned.retain();
    setGeneration((before) => before + 1);
    return undefined;
  }, [owned]);

  const shownToken = useRef(token);
  useEffect(() => {
    if (typeof token === 'string' && token !== shownToken.current)
      owned?.client.authenticate(token).catch(() => undefined);
    shownToken.current = token;
  }, [owned, token]);

  return owned?.client;
}

function createOwnedClient(
  options: CampaignClientOptions,
  latest: { readonly current: CampaignClientOptions | undefined },
): OwnedClient {
  let isClosed = false;
  // Where a page is rendered on a server, nothing is opened, and no timer may hold the process.
  let cancel = typeof window === 'undefined' ? () => {} : closeAfter(UNMOUNTED_TIMEOUT_MS);

  const client = createCampaignClient({
    ...options,
    token: () => {
      const { token } = latest.current ?? options;
      return typeof token === 'function' ? token() : token;
    },
  });

  function closeAfter(milliseconds: number): () => void {
    const timer = setTimeout(() => {
      isClosed = true;
      client.close();
    }, milliseconds);
    return () => clearTimeout(timer);
  }

  return {
    client,
    isClosed: () => isClosed,
    retain() {
      cancel();
      return () => {
        cancel = closeAfter(0);
      };
    },
  };
}
