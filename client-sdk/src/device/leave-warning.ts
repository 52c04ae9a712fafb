/**
 * The browser's question before a page is left (`beforeunload`), asked while something would be lost. It listens only
 * while that is so: such a listener keeps a page out of the browser's back and forward cache.
 *
 * @returns to be called with the number of edits that would be lost, whenever it may have changed
 */
export function createLeaveWarning(): (unsent: number) => void {
  let listening = false;
  return (unsent) => {
    if (typeof window === 'undefined' || typeof document === 'undefined' || listening === unsent > 0) return;
    listening = unsent > 0;
    if (listening) window.addEventListener('beforeunload', ask);
    else window.removeEventListener('beforeunload', ask);
  };
}

function ask(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
