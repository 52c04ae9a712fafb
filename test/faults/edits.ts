import type { EditCommand, SimpleCommand } from '../../server/core/commands/command.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

const FEATURES = ['referral', 'leaderboard', 'notifications', 'analytics', 'countdown'];

/**
 * The next thing that a client does to a campaign; nearly all of them change it. `mark` makes each differ from all
 * others.
 */
export function randomEdit(random: SeededRandom, client: string, mark: number): EditCommand {
  if (random.chance(0.08)) {
    return {
      type: 'batch',
      commands: [simpleEdit(random, client, mark), { type: 'update', updates: { [`batch_${client}`]: mark } }],
    };
  }
  return simpleEdit(random, client, mark);
}

function simpleEdit(random: SeededRandom, client: string, mark: number): SimpleCommand {
  const share = random.next();
  if (share < 0.5)
    return {
      type: 'update',
      updates: { title: `${client} ${mark}`, [`by_${client}`]: { mark, text: 'é \u{1F600} "quoted"' } },
    };
  if (share < 0.6) return { type: 'update', updates: { [`by_${client}`]: null } };
  if (share < 0.75)
    return {
      type: 'updateFeatures',
      features: [random.pick(FEATURES)],
      action: random.pick(['add', 'remove'] as const),
    };
  const mode = random.chance(0.2) ? ('replace' as const) : ('merge' as const);
  return { type: 'updateConfig', section: 'ui_content', value: { banner: `${client} ${mark}` }, mode };
}
