/**
 * The value of a metric of a server, by its name without the prefix, and with its labels where it has any; NaN where it
 * is not there.
 *
 * @example await metric(url, 'connections_cut_total{cause="unsent"}')
 */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`campaign_state_${name} `));
  return Number(line?.split(' ')[1]);
}
