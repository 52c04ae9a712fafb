import type { ConnectionReason } from '../types.ts';

/**
 * The close code of a socket that was given up because of a timeout. As all codes here, of this SDK alone: never sent.
 */
export const TIMED_OUT = 4408;

/** Close codes of the http transport, and what they mean. */
const HTTP_REASONS = {
  4503: 'overloaded',
  4403: 'forbidden',
  4404: 'not-found',
  4200: 'foreign-answer',
} as const satisfies Readonly<Record<number, ConnectionReason>>;

export type HttpCloseCode = keyof typeof HTTP_REASONS;

/** The reason behind a close code of the http transport; `undefined` for other codes. */
export function reasonOfHttpClose(code: number): ConnectionReason | undefined {
  const reasons: Readonly<Record<number, ConnectionReason>> = HTTP_REASONS;
  return reasons[code];
}
