/**
 * The server's address as a base URL, without a slash at its end: `https://campaigns.example.com`, or with the path
 * under which a proxy serves it.
 *
 * @param url `http(s)://…`, or a path of the page's own origin, such as `/`. A trailing `/trpc` is left out, and
 *   `ws(s)://…` is taken as `http(s)://…`.
 * @param page the address of the page
 * @returns `undefined` for a path where there is no page, as on a server that renders one: nothing can be connected to
 * @throws TypeError what to write instead
 */
export function parseServerUrl(url: string, page: string | undefined): string | undefined {
  const wrong = (advice: string) => new TypeError(`The option url is ${JSON.stringify(url) ?? 'undefined'}: ${advice}`);
  if (typeof url !== 'string' || url.trim() === '') throw wrong('write "https://…", or "/" for the page’s own');
  const isPath = url.startsWith('/') && !url.startsWith('//');
  if (!isPath && !/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) {
    const full = parseUrl(`http://${url}`) ? `, such as "http://${url}"` : '';
    throw wrong(`begin with "https://" or "http://"${full}, or with "/" for the page’s own`);
  }
  if (isPath && page === undefined) {
    parseServerUrl(`http://localhost${url}`, undefined);
    return undefined;
  }
  const parsed = parseUrl(url.replace(/^ws/i, 'http'), isPath ? page : undefined);
  if (!parsed) throw wrong('it is no address');
  const { protocol, username, password, search, hash, host, pathname } = parsed;
  if (!/^https?:$/.test(protocol)) throw wrong(`begin with "https://" or "http://", not with ${protocol}`);
  if (username !== '' || password !== '') throw wrong('leave out user and password; use the option token');
  const base = `${protocol}//${host}${pathname.replace(/\/+$/, '').replace(/\/trpc$/, '')}`;
  if (search !== '' || hash !== '') throw wrong(`leave out ${search || hash}: "${base}"`);
  return base;
}

/** As `URL.parse`, which React Native does not have, nor `canParse`; its `URL` knows http alone. */
function parseUrl(url: string, base?: string): URL | undefined {
  try {
    return new URL(url, base);
  } catch {
    return undefined;
  }
}
