import type { AppState } from '../link/network.ts';

/**
 * Calls back when the page is hidden or left: the last moment at which its code is certain to run. `beforeunload` is
 * not enough, for a page on a phone is closed without it.
 *
 * @param appState tells it where there is no page
 * @returns how to stop that
 */
export function onPageHidden(callback: () => void, appState?: AppState): () => void {
  if (appState) return appState.onChange((isActive) => !isActive && callback());
  if (typeof document === 'undefined' || typeof window === 'undefined') return () => {};
  const stop = new AbortController();
  const { signal } = stop;
  window.addEventListener('pagehide', callback, { signal });
  document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && callback(), { signal });
  return () => stop.abort();
}
