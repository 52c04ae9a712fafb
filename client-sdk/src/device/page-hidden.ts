/**
 * Calls back when the page is hidden or left: the last moment at which its code is certain to run. `beforeunload` is
 * not enough, for a page on a phone is closed without it.
 *
 * @returns how to stop that
 */
export function onPageHidden(callback: () => void): () => void {
  if (typeof document === 'undefined' || typeof window === 'undefined') return () => {};
  const stop = new AbortController();
  const { signal } = stop;
  window.addEventListener('pagehide', callback, { signal });
  document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && callback(), { signal });
  return () => stop.abort();
}
