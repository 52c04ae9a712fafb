/** What the device reports of its network and of the page: the option `network` of a client. */
export interface Network {
  /** Whether the device has a network at all; `true` where that is not known. */
  readonly online: () => boolean;
  /** Calls back when the network came or went, and when the page came back to the foreground; returns how to stop. */
  readonly onChange: (callback: (change: 'online' | 'offline' | 'visible') => void) => () => void;
}

/**
 * What a platform without pages reports of the app: the option `appState` of a client. React Native's `AppState` tells
 * `'active'` and others.
 */
export interface AppState {
  /** Calls back when the app came to the foreground (`true`), and when it left it (`false`); returns how to stop. */
  readonly onChange: (callback: (isActive: boolean) => void) => () => void;
}

/** The network of an app that comes to the foreground as a page does. */
export function networkOfApp(network: Network, appState: AppState): Network {
  return {
    online: network.online,
    onChange(callback) {
      const stopNetwork = network.onChange(callback);
      const stopApp = appState.onChange((isActive) => isActive && callback('visible'));
      return () => {
        stopNetwork();
        stopApp();
      };
    },
  };
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
