import { isIP } from 'node:net';

/** Everything, in `ALLOWED_ORIGINS`. */
const ANY = '*';

/** A name or an address, and a port: whatever else may stand in an address is no part of a host. */
const HOST = /^[^\s@/?#\\]+$/;

export interface OriginPolicy {
  /** Why a request must not be served, in one sentence, and the http status that says so; `undefined` where it may. */
  refusal(headers: {
    host?: string | undefined;
    origin?: string | undefined;
  }): { status: 400 | 403; message: string } | undefined;
}

/**
 * Keeps other people's web pages out. A browser lets any page open a ws connection to any server, a local one too, so
 * that `Origin` must be checked where it is served; and a name of the attacker's that resolves to 127.0.0.1 makes the
 * page "same origin", so that `Host` must be checked as well (DNS rebinding).
 *
 * @param allowedOrigins such as `https://app.example.com`; `*` allows all
 * @param host the name that the server listens on
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
        // Whoever builds an address of it would fail. HTTP/1.0 has none.
        return hostname === undefined && hostHeader !== undefined
          ? { status: 400, message: `Host ${quote(hostHeader)} cannot be read` }
          : undefined;
      }
      // A numeric address cannot be rebound: it is what the client dialled.
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

/** Scheme apart: whether TLS ends here or at a proxy is not the page's doing. */
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

/** Whether only this machine can reach a server that listens there. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return isLoopbackName(name) || isLoopbackAddress(name);
}

function quote(value: string | undefined): string {
  return JSON.stringify((value ?? '').slice(0, 200));
}
