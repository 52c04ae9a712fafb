/** Where a change came from, for the audit alone. */
export interface Origin {
  /** The instance that took it: a random token of its process. */
  readonly instance: string;
  /** `sse`: a stream over http, which brings no changes, but may be the first call of a caller. */
  readonly transport: 'ws' | 'http' | 'sse';
  /**
   * The token or key that was shown: the id of an API key, the claim `jti` of a token, or of one without it a part of
   * its SHA-256; missing where none is asked for.
   */
  readonly token?: string;
  /** Network address, where `AUDIT_ADDRESSES` allows it. */
  readonly address?: string;
}
