import type { Clock } from '../clock.ts';

/** A token function that has not answered after this counts as failed, in milliseconds. */
const TOKEN_TIMEOUT_MS = 10_000;

/**
 * Who is calling: a token, or a function that is called for one at every connect. `undefined` and `null` stand for no
 * token. A function that throws, rejects, or does not answer within 10 s fails that attempt to connect; the next one,
 * after a backoff, calls it again.
 */
export type TokenSource = string | (() => Token | null | Promise<Token | null>);

type Token = string | undefined;

/** The tokens of a connection: the option `token`, and what `authenticate` was given. */
export interface TokenProvider {
  /** Whether there is a token, or a function that may have one. */
  readonly hasSource: () => boolean;
  /** The token for the next attempt. Rejects where the function fails. */
  readonly next: () => Promise<Token>;
  /** Whether {@link next} may resolve with another token than that one. */
  readonly mayDifferFrom: (token: Token) => boolean;
  /** What `authenticate` was given, until the server has answered it. */
  readonly given: () => string | undefined;
  /** Takes a token in place of the source's; a call of the function that is under way is not waited for. */
  readonly give: (token: string) => void;
  /** The server accepted it: from then on a function is called again at the next connect. */
  readonly onAccepted: (token: Token) => void;
  /** The server refused it on a live link, which keeps its rights. */
  readonly withdraw: (token: string) => void;
}

/** As a promise also where the function throws. */
async function callFunction(tokenFunction: Exclude<TokenSource, string>): Promise<Token | null> {
  return tokenFunction();
}

export function createTokenProvider(initial: TokenSource | undefined, clock: Clock): TokenProvider {
  let source = initial;
  let given: string | undefined;
  let onGiven = (_token: string): void => {};

  function ask(tokenFunction: Exclude<TokenSource, string>): Promise<Token> {
    return new Promise((resolve, reject) => {
      const cancel = clock.after(TOKEN_TIMEOUT_MS, () =>
        reject(new Error(`There was no answer within ${TOKEN_TIMEOUT_MS / 1_000} s`)),
      );
      onGiven = resolve;
      callFunction(tokenFunction)
        .then((token) => {
          if (typeof token === 'string' || token === undefined || token === null) return token ?? undefined;
          throw new TypeError(`It must return a string or undefined, not ${typeof token}`);
        })
        .then(resolve, reject)
        .finally(cancel);
    });
  }

  return {
    hasSource: () => source !== undefined || given !== undefined,
    next: async () => given ?? (typeof source === 'function' ? ask(source) : source),
    mayDifferFrom: (token) =>
      given !== undefined ? given !== token : typeof source === 'function' || source !== token,
    given: () => given,
    give(token) {
      given = token;
      onGiven(token);
    },
    onAccepted(token) {
      if (given === undefined || token !== given) return;
      if (typeof source !== 'function') source = given;
      given = undefined;
    },
    withdraw(token) {
      if (given === token) given = undefined;
    },
  };
}

/** Whose token it is: the subject of a JWT. Of any other token nothing is known but whether it is the same. */
export function userOf(token: Token): string | undefined {
  try {
    const [, payload = ''] = token?.split('.') ?? [];
    const { iss, sub }: Record<string, unknown> = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    return typeof sub === 'string' ? JSON.stringify([iss, sub]) : token;
  } catch {
    return token;
  }
}
