import { memo, useEffect, useRef, useState } from 'react';
import type { MouseEvent } from 'react';
import { moved } from './moved.ts';

/**
 * An ordered set as chips: by drag, or by the arrows on each chip; the focus goes with the chip that is moved. Events
 * are heard by the list, so that of a thousand chips only those are drawn again that have changed.
 */
export function ItemList({
  label,
  items,
  isPlain,
  reorder,
  remove,
}: {
  label: string;
  items: readonly string[];
  /** Drawn with less weight. */
  isPlain?: (item: string) => boolean;
  reorder: (items: readonly string[]) => void;
  remove: (item: string) => void;
}) {
  const list = useRef<HTMLOListElement>(null);
  const [dragged, setDragged] = useState<string>();
  const [announcement, setAnnouncement] = useState('');
  const refocus = useRef<{ item: string; control: string }>(undefined);

  // A chip that reached an end has lost the arrow that was pressed: the focus goes to its other one.
  useEffect(() => {
    const target = refocus.current;
    if (!target) return;
    refocus.current = undefined;
    const chip = list.current?.querySelector(`[data-item="${CSS.escape(target.item)}"]`);
    const control = chip?.querySelector<HTMLButtonElement>(`[data-control="${target.control}"]:enabled`);
    (control ?? chip?.querySelector<HTMLButtonElement>('button:enabled'))?.focus();
  }, [items]);

  function move(item: string, to: number, control: string): void {
    refocus.current = { item, control };
    setAnnouncement(`${item} is now ${to + 1} of ${items.length}`);
    reorder(moved(items, item, to));
  }

  function drop(item: string, index: number): void {
    const next = items[index + 1] ?? items[index - 1];
    if (next !== undefined) refocus.current = { item: next, control: 'remove' };
    setAnnouncement(`${item} removed`);
    remove(item);
  }

  function onClick(event: MouseEvent<HTMLElement>): void {
    const control =
      event.target instanceof Element
        ? event.target.closest<HTMLElement>('[data-control]')?.dataset['control']
        : undefined;
    const item = itemAt(event.target);
    if (item === undefined) return;
    const index = items.indexOf(item);
    if (control === 'remove') drop(item, index);
    else if (control !== undefined) move(item, control === 'earlier' ? index - 1 : index + 1, control);
  }

  if (items.length === 0) return <p className="empty">None yet.</p>;
  return (
    <>
      <ol
        className="chips"
        ref={list}
        aria-label={label}
        onClick={onClick}
        onDragStart={(event) => {
          const item = itemAt(event.target);
          if (item === undefined || event.currentTarget.closest('fieldset:disabled')) return event.preventDefault();
          event.dataTransfer.setData('text/plain', item);
          setDragged(item);
        }}
        onDragEnd={() => setDragged(undefined)}
        onDragOver={(event) => {
          if (dragged !== undefined) event.preventDefault();
        }}
        onDrop={(event) => {
          event.preventDefault();
          const target = itemAt(event.target);
          if (dragged !== undefined && target !== undefined && dragged !== target)
            reorder(moved(items, dragged, items.indexOf(target)));
        }}
      >
        {items.map((item, index) => (
          <Chip
            key={item}
            item={item}
            isFirst={index === 0}
            isLast={index === items.length - 1}
            isPlain={isPlain?.(item) ?? false}
            isDragged={dragged === item}
          />
        ))}
      </ol>
      <p className="visually-hidden" role="status">
        {announcement}
      </p>
    </>
  );
}

function itemAt(target: EventTarget): string | undefined {
  return target instanceof Element ? target.closest<HTMLElement>('[data-item]')?.dataset['item'] : undefined;
}

const Chip = memo(function Chip({
  item,
  isFirst,
  isLast,
  isPlain,
  isDragged,
}: {
  item: string;
  isFirst: boolean;
  isLast: boolean;
  isPlain: boolean;
  isDragged: boolean;
}) {
  return (
    <li className="chip" data-item={item} data-plain={isPlain} data-dragged={isDragged} draggable>
      <button type="button" data-control="earlier" aria-label={`Move ${item} earlier`} disabled={isFirst}>
        ‹
      </button>
      <span dir="auto">{item}</span>
      <button type="button" data-control="later" aria-label={`Move ${item} later`} disabled={isLast}>
        ›
      </button>
      <button type="button" data-control="remove" aria-label={`Remove ${item}`}>
        ×
      </button>
    </li>
  );
});
