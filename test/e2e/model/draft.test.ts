import { describe, expect, it } from 'vitest';
import { reduceDraft, untouched } from '../../../demo/src/editing/draft.ts';
import type { Draft, DraftEvent } from '../../../demo/src/editing/draft.ts';

/** A field that shows `start`, after these events. */
function after(start: string, ...events: DraftEvent<string>[]): Draft<string> {
  return events.reduce((draft: Draft<string>, event) => reduceDraft(draft, event), untouched(start));
}

const typed = (value: string) => ({ type: 'typed', value }) as const;
const sent = (value: string) => ({ type: 'sent', value }) as const;
const accepted = (value: string) => ({ type: 'accepted', value }) as const;
const refused = (value: string) => ({ type: 'refused', value }) as const;
const shows = (value: string) => ({ type: 'document', value }) as const;

describe('the state of a field that is edited', () => {
  it('D4 follows the document while nothing is typed', () => {
    expect(after('old', shows('new'))).toEqual(untouched('new'));
  });

  it('D4 does not take its own edits, coming back in any order, for somebody else’s', () => {
    const draft = after(
      '',
      typed('a'),
      sent('a'),
      shows('a'),
      typed('ab'),
      sent('ab'),
      shows('ab'),
      accepted('a'),
      typed('abc'),
    );
    expect(draft.theirs).toBeUndefined();
    expect(draft.typed).toEqual({ value: 'abc' });
  });

  it('D4 shows the document again once what was typed is accepted', () => {
    expect(after('', typed('a'), sent('a'), shows('a'), accepted('a'))).toEqual({ base: 'a', sent: [] });
  });

  it('D4 keeps what was typed, and shows what somebody else wrote meanwhile', () => {
    const draft = after('old', typed('mine'), shows('theirs'));
    expect(draft.typed).toEqual({ value: 'mine' });
    expect(draft.theirs).toEqual({ value: 'theirs' });
  });

  it('D4 sees somebody else’s edit that follows an accepted one of its own, even back to where it was', () => {
    const draft = after(
      'old',
      typed('mine'),
      sent('mine'),
      shows('mine'),
      typed('mine!'),
      accepted('mine'),
      shows('old'),
    );
    expect(draft.theirs).toEqual({ value: 'old' });
  });

  it('D4 holds on to the conflict while more is typed than was accepted', () => {
    const conflict = after(
      'old',
      typed('mine'),
      sent('mine'),
      shows('mine'),
      typed('mine!'),
      shows('theirs'),
      accepted('mine'),
    );
    expect(conflict).toEqual({ base: 'theirs', sent: [], typed: { value: 'mine!' }, theirs: { value: 'theirs' } });
    // And sees the next one, be it back to what was accepted.
    expect(reduceDraft(conflict, shows('mine')).theirs).toEqual({ value: 'mine' });
  });

  it('D4 shows what somebody else wrote after its own edit was accepted, for nothing typed is left', () => {
    expect(after('old', typed('mine'), sent('mine'), shows('mine'), shows('theirs'), accepted('mine'))).toEqual(
      untouched('theirs'),
    );
  });

  it('D4 has no conflict where both wrote the same', () => {
    expect(after('old', typed('same'), shows('same'))).toEqual(untouched('same'));
  });

  it('D4 knows its own edit in another notation', () => {
    const isSame = (a: string, b: string) => Number(a) === Number(b);
    const events = [typed('007'), sent('007'), typed('0071'), shows('7')];
    const draft = events.reduce((before: Draft<string>, event) => reduceDraft(before, event, isSame), untouched('1'));
    expect(draft.theirs).toBeUndefined();
  });

  it('D4 takes theirs, or keeps mine', () => {
    const conflict = after('old', typed('mine'), shows('theirs'));
    expect(reduceDraft(conflict, { type: 'give-up' })).toEqual(untouched('theirs'));
    expect(reduceDraft(conflict, { type: 'keep-mine' })).toEqual({
      base: 'theirs',
      sent: [],
      typed: { value: 'mine' },
    });
  });

  it('D5 keeps what was typed when it is refused, and the view that goes back is nobody’s edit', () => {
    for (const events of [
      [typed(''), sent(''), shows(''), refused(''), shows('old')],
      [typed(''), sent(''), shows(''), shows('old'), refused('')],
    ]) {
      expect(after('old', ...events)).toEqual({ base: 'old', sent: [], typed: { value: '' } });
    }
  });
});
