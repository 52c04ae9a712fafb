/** What Node's TLS says of a certificate that it does not accept, by its error code. */
const REASONS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not one that this machine knows',
  UNABLE_TO_GET_ISSUER_CERT: 'its authority is not one that this machine knows',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not one that this machine knows',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not one that this machine knows',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  CERT_REVOKED: 'it was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another host',
};

/**
 * Reason for which a server's certificate was not accepted.
 *
 * @returns `undefined` where the error is another one
 * @example certificateReason(Object.assign(new Error(), { code: 'CERT_HAS_EXPIRED' })) // 'it has expired'
 */
export function certificateReason(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? REASONS[code] : undefined;
}
