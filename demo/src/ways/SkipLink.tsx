import { EDITOR } from './use-kept-focus.ts';

/** The first stop of Tab: past the list, to what is edited. */
export function SkipLink() {
  return (
    <a
      className="skip-link"
      href="#editor"
      onClick={(event) => {
        // Without a fragment in the address, which says where one is.
        event.preventDefault();
        EDITOR.current?.focus();
      }}
    >
      Skip to the editor
    </a>
  );
}
