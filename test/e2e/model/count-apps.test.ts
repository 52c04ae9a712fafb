import { expect, test } from 'vitest';
import type { PresenceMember } from '@campaign-state/client/react/presence';
import { countApps } from '../../../demo/src/connect-app/count-apps.ts';

const member = (id: string, tabs: number): PresenceMember => ({ id, tabs, colour: 'red', since: 0 });

test('D47 consoles are no apps: neither one’s own, nor those of others, told by name or as a count', () => {
  expect(countApps({ members: [member('ada', 1)], more: 0, viewers: 2 }, 'ada')).toBe(0);
  expect(countApps({ members: [member('ada', 2), member('grace', 1)], more: 0, viewers: 7 }, 'ada')).toBe(1);
  // Who only looks is no member, and is told how many are.
  expect(countApps({ members: [], more: 0, viewers: 2 }, 'mary')).toBe(0);
  expect(countApps({ members: [], more: 2, viewers: 9 }, 'mary')).toBe(3);
  expect(countApps({ members: undefined, more: 0, viewers: 0 }, undefined)).toBe(0);
  expect(countApps({ members: [member('ada', 1)], more: 1, viewers: 5 }, 'ada')).toBe(1);
});
