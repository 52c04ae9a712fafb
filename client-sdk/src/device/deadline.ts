import type { Clock } from '../clock.ts';

/**
 * How long the device may take for one operation, in milliseconds. IndexedDB can hang without an error: while another
 * tab upgrades the database, or after the browser has lost its own process for it.
 */
export const DEVICE_TIMEOUT_MS = 5_000;

/** The promise, rejected if it has not settled in time. */
export function withDeadline<T>(clock: Clock, promise: Promise<T>, onTimeout?: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(DEVICE_TIMEOUT_MS, () => {
      onTimeout?.();
      reject(new Error(`The device did not answer within ${DEVICE_TIMEOUT_MS} ms`));
    });
    promise.then(resolve, reject).finally(cancel);
  });
}
