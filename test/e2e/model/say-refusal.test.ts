import { expect, it } from 'vitest';
import { CampaignError } from '@campaign-state/client';
import { sayRefusal } from '../../../demo/src/status/say-refusal.ts';

const invalid = (message: string, path: string[]) => new CampaignError({ reason: 'INVALID', message, path });

it.each([
  [sayRefusal(invalid('title: must not be empty', ['title']), 'Title'), 'Title must not be empty.'],
  [sayRefusal(invalid('ui_content.banner: must be text', ['ui_content', 'banner']), 'Banner'), 'Banner must be text.'],
  // The field says which it is; where nothing is shown but the refusal, it keeps the name.
  [sayRefusal(invalid('title: must not be empty', ['title'])), 'title: must not be empty'],
  [sayRefusal(invalid('campaignId: there is no campaign x', ['campaignId'])), 'There is no campaign x.'],
  [sayRefusal(invalid('the document would take 300000 bytes', []), 'Title'), 'The document would take 300000 bytes.'],
  [
    sayRefusal(
      new CampaignError({ reason: 'FORBIDDEN', message: 'update: your role does not allow this on x' }),
      'Title',
    ),
    'Your role does not allow this.',
  ],
  [sayRefusal({ message: 'create: your role …', data: { reason: 'FORBIDDEN' } }), 'Your role does not allow this.'],
  [sayRefusal(new Error('Failed to fetch')), 'Failed to fetch.'],
])('D5 says a refusal as a sentence about what is seen: %s', (said, sentence) => {
  expect(said).toBe(sentence);
});
