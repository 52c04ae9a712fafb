import { SignJWT } from 'jose';
import { readConfig } from '../config.ts';
import { giveUp } from './explain.ts';

/** How long the token for one command is valid: a large file takes its time. */
const TOKEN_LIFETIME = '12h';

/** A running server, as a command of its admin reaches it. */
export interface AdminServer {
  readonly url: string;
  /** Headers that say who asks. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The running server at `--url`, or of `PORT` on this machine, with what its admin shows it: `CAMPAIGN_TOKEN`, a token
 * or an API key, or else a token of its `AUTH_SECRET`. A server without either asks for none.
 *
 * @param command its name, the caller's id in the server's log
 */
export async function adminServer(givenUrl: string | undefined, command: string): Promise<AdminServer> {
  const url = givenUrl ?? `http://127.0.0.1:${process.env['PORT'] ?? '4000'}`;
  if (!URL.canParse(url)) giveUp('--url takes the address of the server, such as http://127.0.0.1:4000.');
  const token = await adminToken(command);
  return { url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } };
}

/** `undefined` where the server has no key, and asks for no token. */
async function adminToken(command: string): Promise<string | undefined> {
  const given = process.env['CAMPAIGN_TOKEN'];
  if (given !== undefined && given !== '') return given;
  const read = readConfig(process.env);
  if (!read.ok) giveUp(read.message);
  const { auth } = read.config;
  if (auth.kind === 'none') return undefined;
  if (auth.kind === 'jwks')
    giveUp('AUTH_JWKS_URL is set: CAMPAIGN_TOKEN takes the token of an admin, issued by the identity provider.');
  const { issuer, audience } = auth;
  const token = new SignJWT({ campaigns: { '*': 'admin' } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(`${command}-command`)
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME);
  if (issuer !== undefined && issuer !== '*') token.setIssuer(issuer);
  if (audience !== undefined && audience !== '*') token.setAudience(audience);
  return token.sign(new TextEncoder().encode(auth.secret));
}

/** The server's answer to a request; ends the process with one sentence where nobody answers. */
export async function request(
  { url, headers }: AdminServer,
  path: string,
  init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
): Promise<Response> {
  const target = new URL(path, url.endsWith('/') ? url : `${url}/`);
  return await fetch(target, { ...init, headers: { ...headers, ...init.headers } }).catch(() =>
    giveUp(`No server answers at ${url}; --url takes another address.`),
  );
}

/** What a procedure has answered, or why it has refused. */
export type CallAnswer<T> = { readonly ok: true; readonly data: T } | { readonly ok: false; readonly message: string };

/** Calls a procedure: with an input as a mutation, without one as a query. */
export async function call<T>(server: AdminServer, path: string, input?: object): Promise<CallAnswer<T>> {
  const headers = { 'content-type': 'application/json' };
  const init = input === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(input) };
  const response = await request(server, `trpc/${path}`, init);
  // tRPC's envelope, whose data is the procedure's answer.
  const answer = (await response.json().catch(() => ({}))) as { result?: { data: T }; error?: { message: string } };
  if (answer.result) return { ok: true, data: answer.result.data };
  return { ok: false, message: answer.error?.message ?? `The server answered with ${response.status}.` };
}

/** What a procedure has answered; ends the process where it has refused. */
export async function callOrGiveUp<T>(server: AdminServer, path: string, input?: object): Promise<T> {
  const answer = await call<T>(server, path, input);
  return answer.ok ? answer.data : giveUp(answer.message);
}
