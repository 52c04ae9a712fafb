/** An origin that nobody has: what resolves to it was relative. */
const OWN_ORIGIN = 'https://relative.invalid';

const USUAL = ['https', 'http'];

/** What is wrong with an address, as the server's `rendered.url()` has it; `undefined` where nothing is. */
export function urlFault(
  text: string,
  schemes: readonly string[] = USUAL,
  isRelative: boolean | undefined = false,
): string | undefined {
  const wanted = `must be a URL with the scheme ${schemes.join(' or ')}`;
  if (!URL.canParse(text)) {
    if (!isRelative || !URL.canParse(text, OWN_ORIGIN)) return wanted;
    return new URL(text, OWN_ORIGIN).origin === OWN_ORIGIN ? undefined : 'must name the scheme of another host';
  }
  const { protocol, username, password } = new URL(text);
  if (!schemes.includes(protocol.slice(0, -1))) return wanted;
  return username === '' && password === '' ? undefined : 'must not contain a user name or a password';
}
