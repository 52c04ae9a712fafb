import { createHmac } from 'node:crypto';

/** The key of every server in the benchmark that asks for tokens. */
export const SECRET = 'the benchmark has no secrets, but 32 characters';

/**
 * An HS256 token of that editor, written by hand: the clients' cost is not measured, and ten thousand are made in a
 * moment.
 */
export function tokenOf(subject: string, secret: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1_000) + 86_400;
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: subject, exp, campaigns: { '*': 'editor' } })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
