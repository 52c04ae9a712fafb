import { useEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import type { JsonValue } from '@campaign-state/client';
import { faultOf } from '../model/faults.ts';
import { fieldOf, type FormField } from '../model/fields.ts';
import { initialValue } from '../model/initial-value.ts';
import { keyed, NO_ITEMS, withMoved } from '../model/item-keys.ts';
import { itemTitle, labelOf, singular } from '../model/labels.ts';
import type { ListShape } from '../model/shape.ts';
import { variantsOf } from '../model/variants.ts';
import { sayRefusal } from '../../../status/say-refusal.ts';
import { AddVariant } from './AddVariant.tsx';
import { ItemRow } from './ItemRow.tsx';
import { PlaceConflict } from './PlaceConflict.tsx';
import { Removed } from './Removed.tsx';
import { useDragOrder } from './use-drag-order.ts';
import { usePlaceEdits } from './use-place-edits.ts';

const NOTHING: readonly JsonValue[] = [];

interface RemovedItem {
  readonly title: string;
  readonly index: number;
  readonly item: JsonValue;
}

/** A list: added to, reordered, removed from, and that undone. */
export function ListControl({
  field,
  shape,
  render,
}: {
  field: FormField;
  shape: ListShape;
  render: (field: FormField) => ReactNode;
}) {
  const { place, label, description } = field;
  const items = Array.isArray(field.value) ? field.value : NOTHING;
  const { put, read } = usePlaceEdits();
  const list = useRef<HTMLOListElement>(null);
  const root = useRef<HTMLFieldSetElement>(null);
  const [state, setState] = useState(() => keyed(NO_ITEMS, items));
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const [removed, setRemoved] = useState<RemovedItem>();
  const [announcement, setAnnouncement] = useState('');
  const [error, setError] = useState<string>();
  const refocus = useRef<{ readonly index: number; readonly control: string }>(undefined);
  if (state.items !== items) setState(keyed(state, items));
  const one = shape.item.title ?? singular(label);

  // What had the focus may have moved, lost its button, or be gone.
  useEffect(() => {
    const target = refocus.current;
    if (!target) return;
    refocus.current = undefined;
    const row = list.current?.children[target.index];
    const found =
      row?.querySelector<HTMLElement>(`[data-control="${target.control}"]:enabled`) ??
      row?.querySelector<HTMLElement>(
        target.control === 'field'
          ? '.item-body :is(input, textarea, select), .item-title :is(input, textarea)'
          : 'button:enabled',
      ) ??
      root.current?.querySelector<HTMLElement>(':scope > form [data-control="add"]');
    found?.focus();
  }, [state]);

  /** Where an item that was drawn stands by now; -1 where it is gone. */
  function placeOf(index: number, now: readonly JsonValue[]): number {
    const key = state.keys[index];
    return key === undefined ? -1 : keyed(state, now).keys.indexOf(key);
  }

  /** As it is by now: somebody else, or a field in it, may have changed it since it was drawn. */
  function change(by: (now: readonly JsonValue[]) => readonly JsonValue[], say: string): void {
    const now = read(place);
    setError(undefined);
    setAnnouncement(say);
    put(place, [...by(Array.isArray(now) ? now : NOTHING)]).catch((refusal: Error) =>
      setError(sayRefusal(refusal, label)),
    );
  }

  function move(from: number, to: number, control = 'handle'): void {
    const item = items[from];
    if (item === undefined) return;
    refocus.current = { index: to, control };
    change(
      (now) => {
        const at = placeOf(from, now);
        return at === -1 ? now : withMoved(now, at, to);
      },
      `${itemTitle(item, from, one)} is now ${to + 1} of ${items.length}`,
    );
  }

  function remove(index: number): void {
    const item = items[index];
    if (item === undefined) return;
    const title = itemTitle(item, index, one);
    refocus.current = { index: Math.min(index, items.length - 2), control: 'remove' };
    setRemoved({ title, index, item });
    change((now) => {
      const at = placeOf(index, now);
      return at === -1 ? now : now.toSpliced(at, 1);
    }, `${title} removed`);
  }

  function restore({ title, index, item }: RemovedItem): void {
    setRemoved(undefined);
    refocus.current = { index, control: 'remove' };
    change((now) => now.toSpliced(index, 0, item), `${title} is back`);
  }

  function add(value: JsonValue): void {
    const fault = faultOf(shape.item, value);
    if (fault) return setError(`${[one, ...fault.path.map(labelOf)].join(', ')} ${fault.words}.`);
    refocus.current = { index: items.length, control: 'field' };
    setOpened(new Set([...opened, state.next]));
    change((now) => [...now, value], `${one} ${items.length + 1} added`);
  }

  function toggle(key: number): void {
    const next = new Set(opened);
    if (!next.delete(key)) next.add(key);
    setOpened(next);
  }

  const { drag, handleProps } = useDragOrder(list, state.keys, move);
  const isFull = shape.max !== undefined && items.length >= shape.max;
  const limit = shape.max === undefined ? '' : `, of at most ${shape.max}`;
  return (
    <fieldset className="form-group form-list" ref={root} data-path={JSON.stringify(place)}>
      <legend>{label}</legend>
      <p className="field-hint">
        {items.length === 0 ? 'None yet' : items.length}
        {limit}
        {description !== undefined && `. ${description}`}
      </p>
      <PlaceConflict place={place} />
      <ol ref={list} className="items" aria-label={label}>
        {items.map((item, index) => {
          const key = state.keys[index] ?? index;
          const itemField = fieldOf(shape.item, item, [...place, String(index)]);
          const title = itemTitle(item, index, one);
          const isPlain = typeof item !== 'object';
          return (
            <ItemRow
              key={key}
              title={isPlain ? `${one} ${index + 1}` : title}
              handle={handleProps(index)}
              moveBy={(steps, control) => move(index, index + steps, control)}
              isFirst={index === 0}
              isLast={index === items.length - 1}
              dragged={draggedState(drag, index)}
              isOpen={opened.has(key)}
              toggle={isPlain ? undefined : () => toggle(key)}
              remove={() => remove(index)}
            >
              {itemField && render({ ...itemField, label: `${one} ${index + 1}` })}
            </ItemRow>
          );
        })}
      </ol>
      {removed && <Removed title={removed.title} restore={() => restore(removed)} />}
      <AddVariant
        one={one}
        variants={variantsOf(shape.item)}
        isFull={isFull}
        error={error}
        add={({ shape: added }) => add(initialValue(added))}
      />
      <p className="visually-hidden" role="status">
        {announcement}
      </p>
    </fieldset>
  );
}

function draggedState(
  drag: { readonly from: number; readonly to: number } | undefined,
  index: number,
): 'itself' | 'before' | 'behind' | undefined {
  if (!drag) return undefined;
  if (drag.from === index) return 'itself';
  if (drag.to === drag.from) return undefined;
  // The item that stands where it would be put, counted without it.
  const among = index > drag.from ? index - 1 : index;
  if (among === drag.to) return drag.to < drag.from ? 'before' : undefined;
  return among === drag.to - 1 && drag.to > drag.from ? 'behind' : undefined;
}
