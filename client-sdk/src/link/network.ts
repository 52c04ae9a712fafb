/** What the device reports of its network and of the page: the option `network` of a client. */
export interface Network {
  /** Whether the device has a network at all; `true` where that is not known. */
  readonly online: () => boolean;
  /** Calls back when the network came or went, and when the page came back to the foreground; returns how to stop. */
  readonly onChange: (callback: (change: 'online' | 'offline' | 'visible') => void) => () => void;
}

/** The browser's report; where there is no browser, the network is always there. */
export const systemNetwork: Network = {
  online: () => typeof navigator === 'undefined' || navigator.onLine !== false,
  onChange: (callback) => {
    if (typeof window === 'undefined' || typeof document === 'undefined') return () => undefined;
    const stop = new AbortController();
    const { signal } = stop;
    window.addEventListener('online', () => callback('online'), { signal });
    window.addEventListener('offline', () => callback('offline'), { signal });
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && callback('visible'), {
      signal,
    });
    return () => stop.abort();
  },
};
