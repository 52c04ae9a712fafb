/** Takes what a callback of the app threw. */
export type ErrorReporter = (error: unknown) => void;

/** The default: as an uncaught error, which browsers show and monitoring collects, but which stops nothing. */
export function reportUncaught(error: unknown): void {
  if (typeof reportError === 'function') reportError(error);
  else console.error(error);
}

/**
 * Calls a function of the app's. What it throws is reported, and never in the way of the caller: of other listeners, of
 * an edit, of the reconnecting.
 */
export function callGuarded(callback: () => void, report: ErrorReporter): void {
  try {
    callback();
  } catch (error) {
    try {
      report(error);
    } catch (failure) {
      reportUncaught(failure);
    }
  }
}

/** Calls all of them, each guarded. */
export function notifyAll(listeners: Iterable<() => void>, report: ErrorReporter): void {
  for (const listener of listeners) callGuarded(listener, report);
}
