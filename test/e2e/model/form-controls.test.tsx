// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { CampaignView, JsonObject, JsonValue } from '@campaign-state/client';
import { CampaignTestProvider, createTestCampaign } from '@campaign-state/client/testing';
import { describeFields } from '../../../server/core/document/described/describe-fields.ts';
import { FormControl } from '../../../demo/src/editing/forms/FormControl.tsx';
import { fieldOf } from '../../../demo/src/editing/forms/model/fields.ts';
import { shapeOf } from '../../../demo/src/editing/forms/model/read-schema.ts';
import { OPEN } from '../../../demo/src/editing/forms/model/shape.ts';
import { LocalDocumentProvider } from '../../../demo/src/fields/local-document.ts';
import { LedgerProvider } from '../../../demo/src/measure/ledger-context.ts';
import { createLedger } from '../../../demo/src/measure/ledger.ts';
import type { JsonFieldProps } from '../../../demo/src/sections/JsonField.tsx';
import { WAIT } from '../../support/wait.ts';

// The editor needs a layout; what stands around it does not.
vi.mock(import('../../../demo/src/sections/JsonField.tsx'), () => ({
  JsonField: ({ label, text, onChange }: JsonFieldProps) => (
    <textarea aria-label={label} value={text} onChange={(event) => onChange(event.target.value)} />
  ),
}));

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

/** The form of the section `page`, by a schema or by what it looks like. */
function form(start: JsonObject, schema?: z.ZodType) {
  const shape = schema ? shapeOf(describeFields({ page: schema })['page'] ?? []) : OPEN;
  const kit = createTestCampaign({ state: { slug: 'spring', title: 'Spring' } });
  const ledger = createLedger(() => 0);
  let state: CampaignView = { slug: 'spring', title: 'Spring', page: start };
  // Documents are JSON; their types say `unknown` where they are open.
  const page = () => state['page'] as JsonValue | undefined;

  function drawn() {
    const field = fieldOf(shape, page(), ['page']);
    return (
      <CampaignTestProvider campaign={kit}>
        <LedgerProvider value={ledger}>
          <LocalDocumentProvider value={{ state, change }}>
            {field && <FormControl field={field} isRoot />}
          </LocalDocumentProvider>
        </LedgerProvider>
      </CampaignTestProvider>
    );
  }

  function change(next: CampaignView): void {
    state = next;
    view.rerender(drawn());
  }

  const view = render(drawn());
  return {
    page,
    /** What somebody else makes of it. */
    theirs: (next: JsonObject) => change({ ...state, page: next }),
  };
}

const type = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
const click = (name: string) => fireEvent.click(screen.getByRole('button', { name }));

/** The control holds the beginning of a number or a date, and says '' of it. */
function typeHalf(label: string): void {
  const input = screen.getByLabelText(label);
  Object.defineProperty(input, 'validity', { configurable: true, value: { badInput: true } });
  fireEvent.change(input, { target: { value: '' } });
}

describe('the controls of forms', () => {
  it('D146 what no schema names stays when it is emptied, and its control with it', () => {
    const { page } = form({ name: 'Ada', score: 7, day: '2026-05-01', at: '2026-05-01T09:00:00Z' });
    type('Name', '');
    expect(page()).toMatchObject({ name: '' });
    type('Name', 'Bo');
    for (const label of ['Score', 'Day', 'At (UTC)']) type(label, '');
    expect(page()).toEqual({ name: 'Bo', score: 7, day: '2026-05-01', at: '2026-05-01T09:00:00Z' });
    expect(screen.getByText('Score is required.')).toBeTruthy();
  });

  it('D146 what a schema may miss is not removed by a number or a date that is half typed', () => {
    const schema = z.object({ goal: z.number().exactOptional(), day: z.iso.date().exactOptional() });
    const { page } = form({ goal: 5, day: '2026-05-01' }, schema);
    typeHalf('Goal');
    typeHalf('Day');
    expect(page()).toEqual({ goal: 5, day: '2026-05-01' });
    expect(screen.getByText('Goal must be a number.')).toBeTruthy();
    type('Day', '0202-05-01');
    expect(page()).toEqual({ goal: 5, day: '2026-05-01' });
    cleanup();
    const emptied = form({ goal: 5 }, schema);
    type('Goal', '');
    expect(emptied.page()).toEqual({});
  });

  it('D147 JSON is applied as what was changed of it: what somebody else did meanwhile is said, and stays', async () => {
    const { page, theirs } = form({ open: { a: 1, b: 1 } }, z.object({ open: z.tuple([z.any()]) }));
    click('Open as JSON');
    await screen.findByRole('textbox', { name: 'Open as JSON' }, WAIT);
    type('Open as JSON', '{"a": 2, "b": 1}');
    theirs({ open: { a: 1, b: 1, c: 3 } });
    expect(screen.getByText(/Somebody else has changed this since you began. Yours will be merged/)).toBeTruthy();
    await act(async () => click('Apply open'));
    expect(page()).toEqual({ open: { a: 2, b: 1, c: 3 } });

    type('Open as JSON', '{"a": 4}');
    theirs({ open: { a: 5, b: 1, c: 3 } });
    expect(screen.getByText(/Applying overwrites what they wrote at a/)).toBeTruthy();
    click('Take theirs');
    expect(page()).toEqual({ open: { a: 5, b: 1, c: 3 } });
    expect(screen.queryByText(/Somebody else/)).toBeNull();
  });

  it('D144 a removal is not undone where somebody has taken the name again', () => {
    const { page, theirs } = form({ one: 'mine', two: 'x' }, z.record(z.string(), z.string()));
    click('Remove one');
    theirs({ two: 'y', one: 'theirs' });
    click('Undo: bring one back');
    expect(page()).toEqual({ two: 'y', one: 'theirs' });
    expect(screen.getByText(/one is there again/)).toBeTruthy();
    theirs({ two: 'y' });
    click('Undo: bring one back');
    expect(page()).toEqual({ two: 'y', one: 'mine' });
  });

  it('D147 a picture’s address is sent whole, takes nothing with it when it is emptied, and is removed by a button', async () => {
    const photo = z.looseObject({ src: z.url(), alt: z.string() });
    const schema = z.object({ photo: photo.exactOptional() });
    const start = { photo: { src: 'https://a.example/1.png', alt: 'A boat', credit: 'Ada' } };
    const { page } = form(start, schema);
    const address = 'Address of the picture';
    type(address, 'https://p');
    expect(page()).toEqual(start);
    type(address, '');
    fireEvent.blur(screen.getByLabelText(address));
    expect(page()).toEqual(start);
    type(address, 'https://p.example/2.png');
    fireEvent.keyDown(screen.getByLabelText(address), { key: 'Enter' });
    expect(page()).toEqual({ photo: { ...start.photo, src: 'https://p.example/2.png' } });
    type(address, 'https://p.example/3.png');
    fireEvent.blur(screen.getByLabelText(address));
    expect(page()).toEqual({ photo: { ...start.photo, src: 'https://p.example/3.png' } });
    await act(async () => click('Remove photo'));
    expect(page()).toEqual({});
  });

  it('D144 a dragged item is the one that is moved, whatever comes and goes before it meanwhile', () => {
    const { page, theirs } = form({ list: ['a', 'b', 'c'] });
    vi.spyOn(Element.prototype, 'getBoundingClientRect').mockImplementation(function (this: Element) {
      const index = [...(this.parentElement?.children ?? [])].indexOf(this);
      return new DOMRect(0, index * 10, 10, 10);
    });
    const handle = (index: number) => screen.getAllByRole('button', { name: /^Move .*: drag/ })[index] as HTMLElement;
    Object.assign(Element.prototype, { setPointerCapture: () => undefined, scrollIntoView: () => undefined });
    const held = handle(0);
    fireEvent.pointerDown(held, { button: 0, clientY: 5 });
    fireEvent.pointerMove(held, { clientY: 26 });
    theirs({ list: ['new', 'a', 'b', 'c'] });
    fireEvent.pointerUp(held, { clientY: 36 });
    expect(page()).toEqual({ list: ['new', 'b', 'c', 'a'] });

    fireEvent.pointerDown(handle(1), { button: 0, clientY: 15 });
    fireEvent.pointerMove(handle(1), { clientY: 36 });
    theirs({ list: ['new', 'c', 'a'] });
    fireEvent.pointerUp(handle(1), { clientY: 36 });
    expect(page()).toEqual({ list: ['new', 'c', 'a'] });
  });
});
