import { isIP } from 'node:net';

/** The entry of `ALLOWED_ORIGINS` that allows every origin. */
const ANY = '*';

/** A host name or address, with an optional port; the other delimiters of a URL are no part of a host. */
const HOST = /^[^\s@/?#\\]+$/;

/** The check of `Host` and `Origin` for every request and upgrade. */
export interface OriginPolicy {
  /** The http status and one sentence for a request that must not be served; `undefined` where it may be. */
  refusal(headers: {
    host?: string | undefined;
    origin?: string | undefined;
  }): { status: 400 | 403; message: string } | undefined;
}

/**
 * The origin policy: requests of web pages that are not allowed are refused. A browser lets any page open a ws
 * connection to any server, a local one too, so that the server must check `Origin`; and a host name of the attacker's
 * that resolves to 127.0.0.1 makes his page "same origin" (DNS rebinding), so that it must check `Host` as well.
 *
 * @example
 *   createOriginPolicy(['https://app.example.com'], '0.0.0.0').refusal({ host: 'evil.example' }); // { status: 403, … }
 *
 * @param allowedOrigins such as `https://app.example.com`; `*` allows all
 * @param host the host name that the server listens on
 */
export function createOriginPolicy(allowedOrigins: readonly string[], host: string): OriginPolicy {
  const all = allowedOrigins.includes(ANY);
  const origins = new Set(allowedOrigins);
  const names = new Set([host.toLowerCase(), ...allowedOrigins.flatMap((origin) => hostnameOf(origin) ?? [])]);

  return {
    refusal({ host: hostHeader, origin }) {
      const hostname =
        hostHeader !== undefined && HOST.test(hostHeader) ? hostnameOf(`http://${hostHeader}`) : undefined;
      if (all) {
        // An unreadable host makes every URL built from it fail. HTTP/1.0 has none.
        return hostname === undefined && hostHeader !== undefined
          ? { status: 400, message: `Host ${quote(hostHeader)} cannot be read` }
          : undefined;
      }
      // A numeric address cannot be rebound: the client connected to exactly this one.
      if (hostname === undefined || !(isLoopbackName(hostname) || isAddress(hostname) || names.has(hostname))) {
        return foreign(`Host ${quote(hostHeader)} is not served here; its origin must be in ALLOWED_ORIGINS`);
      }
      if (origin === undefined || origins.has(origin) || isSameOrigin(origin, hostHeader)) return undefined;
      const originName = hostnameOf(origin);
      if (originName !== undefined && (isLoopbackName(originName) || isLoopbackAddress(originName))) return undefined;
      return foreign(`Origin ${quote(origin)} is not allowed; it must be in ALLOWED_ORIGINS`);
    },
  };
}

function foreign(message: string): { status: 403; message: string } {
  return { status: 403, message };
}

/** Without the scheme: TLS may end at a proxy. */
function isSameOrigin(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

function hostnameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname.toLowerCase() : undefined;
}

function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost');
}

function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function isAddress(hostname: string): boolean {
  return isIP(bare(hostname)) !== 0;
}

function isLoopbackAddress(hostname: string): boolean {
  const address = bare(hostname);
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

/** Whether a server that listens on this host is reached from its own machine only. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return isLoopbackName(name) || isLoopbackAddress(name);
}

function quote(value: string | undefined): string {
  return JSON.stringify((value ?? '').slice(0, 200));
}
