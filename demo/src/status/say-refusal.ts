import type { Path, Reason } from '@campaign-state/client';

interface RefusalDetails {
  readonly reason?: Reason | undefined;
  readonly path?: Path | undefined;
}

/** An error of the SDK, of one of its queries, or any other. */
export interface Refused extends RefusalDetails {
  readonly message: string;
  /** Where queries keep the details. */
  readonly data?: RefusalDetails | null | undefined;
}

/**
 * Why something was refused, as a sentence about what people see: the field's label takes the place of the path to it.
 *
 * @example sayRefusal(error, 'Title') // title: must not be empty → Title must not be empty.
 */
export function sayRefusal(error: Refused, label?: string): string {
  const { message, reason = error.data?.reason, path = error.data?.path ?? [] } = error;
  if (reason === 'FORBIDDEN') return 'Your role does not allow this.';
  const place = `${path.join('.')}: `;
  if (!message.startsWith(place)) return sentence(message);
  const rest = message.slice(place.length);
  if (label !== undefined) return sentence(`${label} ${rest}`);
  // Which campaign it is about is seen.
  return place === 'campaignId: ' ? sentence(rest) : message;
}

function sentence(words: string): string {
  const [first = '', ...rest] = words;
  return `${first.toUpperCase()}${rest.join('')}${/[.!?…]$/.test(words) ? '' : '.'}`;
}
