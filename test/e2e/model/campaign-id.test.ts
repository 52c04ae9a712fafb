import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { campaignIdFor } from '../../../demo/src/campaigns/campaign-id.ts';
import { moved } from '../../../demo/src/fields/moved.ts';
import { CAMPAIGN_ID_PATTERN } from '../../../server/core/document/campaign.ts';

describe('the id of a new campaign', () => {
  it('D9 is read from the title', () => {
    expect(campaignIdFor('Été à Paris!')).toBe('ete_a_paris');
    expect(campaignIdFor('  2027: Launch  ')).toBe('2027_launch');
    expect(campaignIdFor('日本')).toBeUndefined();
    expect(campaignIdFor('a'.repeat(100))).toBe('a'.repeat(64));
  });

  it('D9 is one that the contract allows, for every title', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string({ unit: fc.constantFrom('a', 'Z', '9', ' ', '_', '-', 'É', '日'), maxLength: 200 }),
        ),
        (title) => {
          const id = campaignIdFor(title);
          return id === undefined || CAMPAIGN_ID_PATTERN.test(id);
        },
      ),
    );
  });
});

describe('moving in an ordered set', () => {
  it('D6 puts an item where it was told to, and leaves the others in their order', () => {
    expect(moved(['a', 'b', 'c'], 'a', 2)).toEqual(['b', 'c', 'a']);
    expect(moved(['a', 'b', 'c'], 'c', 0)).toEqual(['c', 'a', 'b']);
    expect(moved(['a', 'b', 'c'], 'b', 1)).toEqual(['a', 'b', 'c']);
  });
});
