/**
 * Asks before the page is left while something has not reached the server. It listens only while that is so: a listener
 * for `beforeunload` keeps a page out of the browser's back and forward cache.
 *
 * @returns to be told how many edits the server does not have
 */
export function createLeaveWarning(): (unsent: number) => void {
  let listening = false;
  return (unsent) => {
    if (typeof window === 'undefined' || listening === unsent > 0) return;
    listening = unsent > 0;
    if (listening) window.addEventListener('beforeunload', ask);
    else window.removeEventListener('beforeunload', ask);
  };
}

function ask(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
