import { useState } from 'react';
import type { KeyboardEvent, PointerEvent, RefObject } from 'react';

/** An item that is being dragged, and the place that it would have among the others. */
export interface DragState {
  readonly from: number;
  readonly to: number;
}

/** The same as it is kept: the list may change under it. */
interface HeldItem {
  readonly key: number;
  /** Missing until it has been moved. */
  readonly to?: number;
}

/** Props of the handle of an item. */
interface HandleProps {
  readonly onPointerDown: (event: PointerEvent<HTMLElement>) => void;
  readonly onPointerMove: (event: PointerEvent<HTMLElement>) => void;
  readonly onPointerUp: (event: PointerEvent<HTMLElement>) => void;
  readonly onPointerCancel: () => void;
  readonly onLostPointerCapture: () => void;
  readonly onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
}

/**
 * Reorders a list by handles: dragged by mouse, pen or finger (pointer events, because HTML's drag and drop knows no
 * touch), or moved by the arrow keys. Escape leaves a dragged item where it was.
 *
 * @param list whose children are the items
 * @param keys of the items: which one is dragged stays known when others change the list meanwhile
 * @param move the item from one place to another
 */
export function useDragOrder(
  list: RefObject<HTMLElement | null>,
  keys: readonly number[],
  move: (from: number, to: number) => void,
): { readonly drag: DragState | undefined; readonly handleProps: (index: number) => HandleProps } {
  const [held, setHeld] = useState<HeldItem>();
  const from = held ? keys.indexOf(held.key) : -1;

  function placeAt(y: number): number {
    const items = [...(list.current?.children ?? [])];
    return items.filter((item, index) => {
      const { top, bottom } = item.getBoundingClientRect();
      return index !== from && (top + bottom) / 2 < y;
    }).length;
  }

  function handleProps(index: number): HandleProps {
    const stop = (): void => setHeld(undefined);
    return {
      onPointerDown(event) {
        const key = keys[index];
        if (event.button !== 0 || key === undefined) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setHeld({ key });
      },
      onPointerMove(event) {
        if (!held || from === -1) return;
        const to = placeAt(event.clientY);
        if (to === (held.to ?? from)) return;
        setHeld({ ...held, to });
        list.current?.children[to]?.scrollIntoView({ block: 'nearest' });
      },
      onPointerUp(event) {
        stop();
        if (held?.to === undefined || from === -1) return;
        const to = placeAt(event.clientY);
        if (to !== from) move(from, to);
      },
      onPointerCancel: stop,
      onLostPointerCapture: stop,
      onKeyDown(event) {
        if (event.key === 'Escape') return stop();
        const to = index + ({ ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0);
        if (to === index) return;
        event.preventDefault();
        if (to >= 0 && to < keys.length) move(index, to);
      },
    };
  }

  const drag = held && from !== -1 ? { from, to: held.to ?? from } : undefined;
  return { drag, handleProps };
}
