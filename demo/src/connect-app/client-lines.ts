/** The server that an app connects to. */
export interface Server {
  readonly url: string;
  /** Whether one needs a token to be here. */
  readonly needsToken: boolean;
}

/**
 * The lines that create a client of that server.
 *
 * @param options further ones, a line each
 */
export function clientOf({ url, needsToken }: Server, options: readonly string[] = []): string {
  const all = [`url: '${url}'`, ...(needsToken ? ['token: () => getToken()'] : []), ...options];
  if (options.length === 0) return `createCampaignClient({ ${all.join(', ')} })`;
  return `createCampaignClient({\n${all.map((option) => `  ${option},\n`).join('')}})`;
}
