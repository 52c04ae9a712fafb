import { isIP } from 'node:net';

/** The entry of `ALLOWED_ORIGINS` that allows every origin. */
const ANY = '*';

/** A host name or address, with an optional port; the other delimiters of a URL are no part of a host. */
const HOST = /^[^\s@/?#\\]+$/;

/** The headers that the policy checks. */
export interface OriginHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}

/** Status and sentence of a request that must not be served. */
export interface OriginRefusal {
  readonly status: 400 | 403;
  readonly message: string;
}

/** The check of `Host` and `Origin` for every request and upgrade. */
export interface OriginPolicy {
  /** The refusal of a request; `undefined` where it may be served. */
  refusal(headers: OriginHeaders): OriginRefusal | undefined;
  /**
   * The refusal of a probe or a scrape. Balancers and scrapers use internal host names, which no page on the web can
   * have: they are allowed beside those of {@link refusal}.
   */
  probeRefusal(headers: OriginHeaders): OriginRefusal | undefined;
}

/** Origins of browser extensions, which have no host name. */
const EXTENSION_ORIGIN = /^(?:chrome|moz|safari-web)-extension:\/\/[a-z0-9-]+$/i;

/** Host names that no page on the web can have: without a dot, or below a domain for internal use. */
const INTERNAL_NAME = /^[^.]+$|\.(?:internal|local|lan|svc|home\.arpa)$/;

/**
 * Whether this is an origin as a browser sends it: scheme, host and port, or an extension's. A wildcard in the host is
 * none, because it could never match.
 */
export function isOrigin(text: string): boolean {
  if (EXTENSION_ORIGIN.test(text)) return true;
  return URL.canParse(text) && new URL(text).origin === text && !text.includes('*');
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
 * @throws {Error} In one sentence where an origin can never match.
 */
export function createOriginPolicy(allowedOrigins: readonly string[], host: string): OriginPolicy {
  const wrong = allowedOrigins.find((origin) => origin !== ANY && !isOrigin(origin));
  if (wrong !== undefined) throw new Error(`The allowed origin ${quote(wrong)} is not one that a browser sends.`);
  const all = allowedOrigins.includes(ANY);
  const origins = new Set(allowedOrigins);
  const names = new Set([host.toLowerCase(), ...allowedOrigins.flatMap((origin) => webHostOf(origin) ?? [])]);

  function check({ host: hostHeader, origin }: OriginHeaders, isProbe: boolean): OriginRefusal | undefined {
    const hostname = hostHeader !== undefined && HOST.test(hostHeader) ? hostnameOf(`http://${hostHeader}`) : undefined;
    if (all) {
      // An unreadable host makes every URL built from it fail. HTTP/1.0 has none.
      return hostname === undefined && hostHeader !== undefined
        ? { status: 400, message: `Host ${quote(hostHeader)} cannot be read` }
        : undefined;
    }
    const isServed =
      hostname === undefined
        ? // A balancer's probe with HTTP/1.0; a browser always sends one.
          isProbe && hostHeader === undefined
        : // A numeric address cannot be rebound: the client connected to exactly this one.
          isLoopbackName(hostname) ||
          isAddress(hostname) ||
          names.has(hostname) ||
          (isProbe && INTERNAL_NAME.test(hostname));
    if (!isServed)
      return foreign(`Host ${quote(hostHeader)} is not served here; its origin must be in ALLOWED_ORIGINS`);
    if (origin === undefined || origins.has(origin) || isSameOrigin(origin, hostHeader)) return undefined;
    const originName = webHostOf(origin);
    if (originName !== undefined && (isLoopbackName(originName) || isLoopbackAddress(originName))) return undefined;
    return foreign(`Origin ${quote(origin)} is not allowed; it must be in ALLOWED_ORIGINS`);
  }

  return {
    refusal: (headers) => check(headers, false),
    probeRefusal: (headers) => check(headers, true),
  };
}

function foreign(message: string): OriginRefusal {
  return { status: 403, message };
}

/** Without the scheme: TLS may end at a proxy. */
function isSameOrigin(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** The host name of a web page's origin; an extension's has none. */
function webHostOf(origin: string): string | undefined {
  return EXTENSION_ORIGIN.test(origin) ? undefined : hostnameOf(origin);
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
  return JSON.stringify((value ?? '').slice(0, 64));
}
