import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import {
  bracketMatching,
  codeFolding,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  syntaxHighlighting,
} from '@codemirror/language';
import { linter, lintGutter, type Diagnostic } from '@codemirror/lint';
import { unifiedMergeView } from '@codemirror/merge';
import { search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, Prec, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { Shape } from '../editing/forms/model/shape.ts';
import { assistedBy } from './json-assist.ts';
import { faultsIn } from './json-text.ts';

/** What an editor is made with, and tells. */
export interface JsonEditorOptions {
  /** Name of the field, for those who hear it. */
  readonly label: string;
  /** The id of the element that says what is wrong. */
  readonly describedBy: string;
  readonly text: string;
  onChange(text: string): void;
  /** Ctrl or ⌘ and Enter. */
  onApply(): void;
}

/** An editor of a JSON text. */
export interface JsonEditor {
  /** Shows that text, if it is another; the place of the cursor stays. */
  setText(text: string): void;
  setState(state: { readonly isReadOnly: boolean; readonly isInvalid: boolean }): void;
  /** Shows what differs from that text, line by line, with buttons that take it over; `undefined`: nothing. */
  compareWith(text: string | undefined): void;
  /** Offers what a schema lets stand there, and says what it says of it; `undefined`: none does. */
  setShape(shape: Shape | undefined): void;
  /** Selects a line, counted from 1, and brings it into the middle. */
  showLine(line: number): void;
  destroy(): void;
}

/** Milliseconds without typing after which faults are looked for. */
const LINT_DELAY_MS = 300;

const highlighting = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--ink)', fontWeight: '600' },
  { tag: tags.string, color: 'var(--code-text)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--code-value)' },
  { tag: tags.punctuation, color: 'var(--ink-soft)' },
]);

const ACTIVE = 'color-mix(in oklab, var(--focus) 7%, transparent)';
const SELECTED = 'color-mix(in oklab, var(--focus) 24%, transparent)';
const CONTROL = {
  border: '1px solid var(--line-strong)',
  borderRadius: '6px',
  background: 'var(--well)',
  color: 'var(--ink)',
  font: 'inherit',
  padding: '0.2rem 0.55rem',
  minBlockSize: '0',
};
const RAISED = { border: '1px solid var(--line)', background: 'var(--raised)', color: 'var(--ink)' };

/** The console's own colours, light and dark: CodeMirror's would win over a style sheet. */
const theme = EditorView.theme({
  '&': {
    maxBlockSize: '55vh',
    border: '1px solid var(--line-strong)',
    borderRadius: 'var(--round)',
    background: 'var(--well)',
    color: 'var(--ink)',
    overflow: 'hidden',
  },
  '&.cm-focused': { outline: '2px solid var(--focus)', outlineOffset: '1px' },
  '.cm-scroller': {
    fontFamily: "ui-monospace, 'SF Mono', Menlo, Consolas, monospace",
    fontSize: '0.8125rem',
    lineHeight: '1.5',
  },
  '.cm-content': { caretColor: 'var(--ink)' },
  '.cm-cursor': { borderColor: 'var(--ink)' },
  '.cm-gutters': { background: 'transparent', color: 'var(--ink-soft)', borderInlineEnd: '1px solid var(--line)' },
  '.cm-activeLine': { background: ACTIVE },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': { background: SELECTED },
  '.cm-selectionBackground': { background: SELECTED },
  '&.cm-focused .cm-matchingBracket': { background: SELECTED },
  '.cm-foldPlaceholder, .cm-tooltip': RAISED,
  '.cm-tooltip': { borderRadius: '6px', maxInlineSize: 'min(34rem, 90vw)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'inherit', maxBlockSize: '16rem' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '0.25rem 0.6rem' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    background: 'color-mix(in oklab, var(--ink) 9%, transparent)',
    color: 'var(--ink)',
    outline: '1px solid transparent',
  },
  '.cm-completionDetail': { color: 'var(--ink-soft)', fontStyle: 'normal' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '650' },
  '.json-said': { padding: '0.35rem 0.6rem', fontSize: 'var(--step--1)' },
  '.cm-panels': { background: 'var(--raised)', color: 'var(--ink)', fontSize: 'var(--step--1)' },
  '.cm-panels.cm-panels-top': { borderBlockEnd: '1px solid var(--line)' },
  '.cm-textfield': CONTROL,
  '.cm-button': { ...CONTROL, backgroundImage: 'none' },
  '.cm-panel.cm-search [name=close]': { color: 'var(--ink)', insetInlineEnd: '6px' },
  '&.cm-merge-b .cm-changedLine': { background: 'var(--live-soft)' },
  '&.cm-merge-b .cm-changedText': { background: 'color-mix(in oklab, var(--live) 25%, transparent)' },
  '.cm-chunkButtons button[type]': { ...CONTROL, background: 'var(--raised)' },
  '.cm-deletedChunk': { background: 'var(--lost-soft)' },
  '.cm-deletedChunk .cm-deletedText': { background: 'color-mix(in oklab, var(--lost) 25%, transparent)' },
});

/** Everything that no state of the editor changes. Tab leaves it: who uses the keyboard alone must get out. */
const FIXED: Extension = [
  lineNumbers(),
  codeFolding(),
  foldGutter(),
  history(),
  drawSelection(),
  indentOnInput(),
  bracketMatching(),
  highlightActiveLine(),
  search({ top: true }),
  json(),
  syntaxHighlighting(highlighting),
  linter((view) => diagnosticsOf(view.state.doc.toString()), { delay: LINT_DELAY_MS }),
  lintGutter(),
  theme,
  EditorView.lineWrapping,
  keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, ...foldKeymap]),
];

/**
 * Makes an editor with colours, folding, search, and faults while one types. Only the lines that are in view are in the
 * page, so that a text of 200 KB is as quick as a short one.
 */
export function createJsonEditor(parent: HTMLElement, options: JsonEditorOptions): JsonEditor {
  const { label, describedBy, text, onChange, onApply } = options;
  const stateOf = new Compartment();
  const comparison = new Compartment();
  const assistance = new Compartment();
  let isOurs = false;
  const attributes = (isReadOnly: boolean, isInvalid: boolean): Extension => [
    EditorState.readOnly.of(isReadOnly),
    EditorView.contentAttributes.of({
      'aria-label': label,
      'aria-describedby': describedBy,
      'aria-invalid': String(isInvalid),
      'aria-readonly': String(isReadOnly),
      spellcheck: 'false',
    }),
  ];
  const apply = {
    key: 'Mod-Enter',
    run: () => {
      onApply();
      return true;
    },
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(keymap.of([apply])),
        FIXED,
        stateOf.of(attributes(false, false)),
        comparison.of([]),
        assistance.of([]),
        EditorView.updateListener.of(({ docChanged, state }) => {
          if (docChanged && !isOurs) onChange(state.doc.toString());
        }),
      ],
    }),
  });
  return {
    setText(next) {
      const current = view.state.doc.toString();
      if (next === current) return;
      isOurs = true;
      view.dispatch({ changes: changeBetween(current, next) });
      isOurs = false;
    },
    setState: ({ isReadOnly, isInvalid }) =>
      view.dispatch({ effects: stateOf.reconfigure(attributes(isReadOnly, isInvalid)) }),
    compareWith: (original) =>
      view.dispatch({ effects: comparison.reconfigure(original === undefined ? [] : comparedWith(original)) }),
    setShape: (shape) => view.dispatch({ effects: assistance.reconfigure(shape ? assistedBy(shape) : []) }),
    showLine(line) {
      const { from, to } = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      view.dispatch({
        selection: { anchor: from, head: to },
        effects: EditorView.scrollIntoView(from, { y: 'center' }),
      });
      view.focus();
    },
    destroy: () => view.destroy(),
  };
}

function diagnosticsOf(text: string): Diagnostic[] {
  return faultsIn(text).map(({ from, to, message }) => ({ from, to, message, severity: 'error' }));
}

function comparedWith(original: string): Extension {
  return unifiedMergeView({
    original,
    mergeControls(type, take) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'small';
      button.textContent = type === 'accept' ? 'Keep mine' : 'Take theirs';
      button.addEventListener('click', take);
      return button;
    },
  });
}

/** The change that makes one text of the other, without what both begin and end with. */
function changeBetween(current: string, next: string): { from: number; to: number; insert: string } {
  const shorter = Math.min(current.length, next.length);
  let from = 0;
  while (from < shorter && current[from] === next[from]) from += 1;
  let behind = 0;
  while (behind < shorter - from && current.at(-1 - behind) === next.at(-1 - behind)) behind += 1;
  return { from, to: current.length - behind, insert: next.slice(from, next.length - behind) };
}
