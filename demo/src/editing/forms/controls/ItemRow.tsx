import { useId } from 'react';
import type { ComponentProps, ReactNode } from 'react';

/** Something in a list or a collection: what it is called, what is done with it, and what is in it. */
export function ItemRow({
  title,
  handle,
  moveBy,
  isFirst = false,
  isLast = false,
  dragged,
  isOpen,
  toggle,
  remove,
  children,
  ...row
}: {
  title: string;
  /** Props of the handle by which it is moved; missing where there is no order. */
  handle?: ComponentProps<'button'>;
  moveBy?: (steps: number, control: string) => void;
  isFirst?: boolean;
  isLast?: boolean;
  /** Whether it is being dragged, or another one would be put before or behind it. */
  dragged?: 'itself' | 'before' | 'behind' | undefined;
  isOpen: boolean;
  /** Missing where it is always open, and needs no title. */
  toggle?: (() => void) | undefined;
  remove: () => void;
  children: ReactNode;
} & Record<`data-${string}`, string | number | undefined>) {
  const id = useId();
  return (
    <li className="item" {...row} data-dragged={dragged}>
      <div className="item-head">
        {handle && (
          <button
            type="button"
            className="item-handle"
            data-control="handle"
            aria-label={`Move ${title}: drag, or use the arrow keys`}
            {...handle}
          >
            <span aria-hidden="true">⠿</span>
          </button>
        )}
        {toggle ? (
          <button
            type="button"
            className="item-title"
            data-control="title"
            aria-expanded={isOpen}
            aria-controls={isOpen ? id : undefined}
            onClick={toggle}
          >
            <span dir="auto">{title}</span>
          </button>
        ) : (
          <div className="item-title">{children}</div>
        )}
        <span className="item-buttons">
          {moveBy && (
            <>
              <button
                type="button"
                data-control="earlier"
                aria-label={`Move ${title} up`}
                disabled={isFirst}
                onClick={() => moveBy(-1, 'earlier')}
              >
                ↑
              </button>
              <button
                type="button"
                data-control="later"
                aria-label={`Move ${title} down`}
                disabled={isLast}
                onClick={() => moveBy(1, 'later')}
              >
                ↓
              </button>
            </>
          )}
          <button type="button" data-control="remove" aria-label={`Remove ${title}`} onClick={remove}>
            ×
          </button>
        </span>
      </div>
      {toggle && isOpen && (
        <div className="item-body" id={id}>
          {children}
        </div>
      )}
    </li>
  );
}
