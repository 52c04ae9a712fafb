import { appRouter } from '../../server/api/procedures/router.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { jsonText, oddText } from './values.ts';

/** What an attacker knows of the server: names that exist, and a token that was good once. */
export interface Target {
  readonly port: number;
  readonly campaignId: string;
  /** A token with the role `viewer`. */
  readonly token: string;
  /** A campaign of its own, and a token with the role `editor` for it alone. */
  readonly own: { readonly campaignId: string; readonly token: string };
}

/** Every procedure of the contract, also those that come later. */
const PATHS = Object.keys(appRouter._def.procedures);

export function procedurePath(random: SeededRandom): string {
  if (random.chance(0.85)) return random.pick(PATHS);
  return random.pick(['', '.', 'campaign', 'campaign.__proto__', 'constructor', 'campaign.get.get', oddText(random)]);
}

/** One of the attacker's tokens. */
export function anyToken(random: SeededRandom, { token, own }: Target): string {
  return random.chance(0.4) ? own.token : token;
}

/** An input that is almost right, so that it comes past the first check, or anything at all. */
export function inputText(random: SeededRandom, { campaignId, token, own }: Target): string {
  if (random.chance(0.3)) return jsonText(random);
  const named = random.chance(0.4) ? own.campaignId : campaignId;
  const members: Record<string, string> = { campaignId: JSON.stringify(named) };
  const optional: Record<string, () => string> = {
    updates: () => jsonText(random, 1),
    features: () => jsonText(random, 1),
    action: () => JSON.stringify(random.pick(['add', 'remove', 'set', 'toString'])),
    section: () => JSON.stringify(random.pick(['ui_content', 'scripts', '__proto__', 'theme'])),
    value: () => jsonText(random, 1),
    commands: () =>
      `[${Array.from({ length: random.int(0, 120) }, () => `{"type":"update","updates":${random.chance(0.9) ? '{}' : jsonText(random, 4)}}`).join(',')}]`,
    mutations: () => `[${jsonText(random, 1)},${jsonText(random, 1)}]`,
    mutationId: () => JSON.stringify(random.pick(['a', 'a', 'b', oddText(random)])),
    base: () => JSON.stringify(random.pick(['x:1', 'x:-1', ':', oddText(random)])),
    expectedVersion: () => random.pick(['0', '-1', '1e400', '9007199254740993', '"x:1"']),
    version: () => random.pick(['0', '-1', '1', '9007199254740993', '"x:1"']),
    lastEventId: () => JSON.stringify(oddText(random)),
    limit: () => random.pick(['0', '-1', '1e9', '"1"', '50']),
    cursor: () => jsonText(random, 1),
    position: () => JSON.stringify(random.pick(['x:1', oddText(random)])),
    token: () => JSON.stringify(random.chance(0.3) ? token : mutatedToken(random, token)),
    dryRun: () => 'true',
    viewer: () => (random.chance(0.5) ? jsonText(random, 1) : viewerText(random)),
    key: () => JSON.stringify(oddText(random)),
    rule: () => jsonText(random, 1),
    segment: () => jsonText(random, 1),
    comment: () => JSON.stringify(oddText(random)),
  };
  for (const [key, make] of Object.entries(optional)) if (random.chance(0.35)) members[key] = make();
  return `{${Object.entries(members)
    .map(([key, text]) => `${JSON.stringify(key)}:${text}`)
    .join(',')}}`;
}

/** A viewer that is right: another person each time. */
export function viewerText(random: SeededRandom): string {
  const attributes = { userId: `u${random.int(0, 99)}`, plan: random.pick(['free', 'gold']), secret: oddText(random) };
  return JSON.stringify({ attributes });
}

/** One message of tRPC's ws protocol, with ids that are used again, missing, or of the wrong kind. */
export function envelope(random: SeededRandom, target: Target): string {
  const id = random.pick(['1', '1', '2', '3', '-1', '1e400', '"1"', 'null', '{}', '9007199254740993']);
  const method = random.pick(['query', 'mutation', 'subscription', 'subscription.stop', 'connect', oddText(random)]);
  const path = JSON.stringify(procedurePath(random));
  const params = random.chance(0.1) ? jsonText(random, 1) : `{"path":${path},"input":${inputText(random, target)}}`;
  const jsonrpc = random.chance(0.5) ? '"jsonrpc":"2.0",' : '';
  return `{${jsonrpc}"id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
}

/** A token with something changed: its algorithm, its claims, its signature, its form. */
export function mutatedToken(random: SeededRandom, token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  const admin = Buffer.from('{"sub":"system","campaigns":{"*":"admin"},"exp":1e400}').toString('base64url');
  return random.pick([
    `${none}.${payload}.`,
    `${header}.${admin}.${signature}`,
    `${header}.${payload}.${signature.slice(1)}`,
    `${header}.${payload}`,
    '....',
    'Bearer Bearer',
    oddText(random),
    `${token}${token}`,
  ]);
}
