/*
 * The rules that only pages which edit need: conflicts and undo. They are loaded when the first edit is made, or taken
 * over from another page.
 */
export * from './conflict-rules.ts';
export * from './undo.ts';
