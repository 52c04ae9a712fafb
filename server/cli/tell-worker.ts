import type { Worker } from 'node:cluster';

/**
 * Sends a message to a worker that may be about to end: what does not arrive is nobody's error. Without the callback
 * Node has the worker emit `error`, and throws where its channel is closed.
 *
 * @param onLost told where it could not be sent
 */
export function tell(worker: Worker, message: object | string, onLost: () => void = () => undefined): void {
  if (!worker.isConnected()) return onLost();
  worker.send(message, (error) => {
    if (error) onLost();
  });
}
