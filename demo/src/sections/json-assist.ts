import {
  autocompletion,
  completionKeymap,
  type CompletionContext,
  type CompletionResult,
} from '@codemirror/autocomplete';
import type { Extension } from '@codemirror/state';
import { hoverTooltip, keymap, type EditorView } from '@codemirror/view';
import type { JsonValue } from '@campaign-state/client';
import type { Shape } from '../editing/forms/model/shape.ts';
import { hintsAt, sayShape, shapesAt, wordsOf } from './json-hints.ts';
import { placeAt } from './json-place.ts';
import { readSoFar } from './json-text.ts';

/** Completion while one types and by Ctrl+Space, and what a schema says of what the pointer is on. */
export function assistedBy(shape: Shape): Extension {
  return [
    autocompletion({ override: [(context) => complete(context, shape)], icons: false }),
    keymap.of(completionKeymap),
    hoverTooltip((view, position) => explain(view, position, shape)),
  ];
}

function complete({ state, pos, explicit }: CompletionContext, shape: Shape): CompletionResult | null {
  const text = state.doc.toString();
  const place = placeAt(text, pos);
  // Where nothing is typed yet it is not offered without being asked for.
  if (!place || (!explicit && place.from === place.to)) return null;
  const hints = hintsAt(place, shape, readOnce(text));
  if (hints.length === 0) return null;
  const hasValue = /^\s*:/.test(state.sliceDoc(place.to, place.to + 20));
  return {
    from: place.from,
    to: place.to,
    validFor: /^"?[^"\\\n]*"?$/,
    options: hints.map(({ text: label, whole, detail, info }) => ({
      label,
      apply: hasValue ? label : whole,
      detail,
      ...(info !== undefined && { info }),
    })),
  };
}

function explain({ state }: EditorView, position: number, shape: Shape) {
  const text = state.doc.toString();
  const place = placeAt(text, position);
  if (!place || place.from === place.to) return null;
  const [found] = shapesAt(shape, readOnce(text), place.path);
  if (!found || (found.kind === 'open' && wordsOf(found) === undefined)) return null;
  return {
    pos: place.from,
    end: place.to,
    above: true,
    create() {
      const dom = document.createElement('div');
      dom.className = 'json-said';
      for (const words of [sayShape(found), wordsOf(found)])
        if (words !== undefined) dom.appendChild(document.createElement('p')).textContent = words;
      return { dom };
    },
  };
}

/** What is there of a text, read when it is asked for, and once: it may be long, and is hardly ever needed. */
function readOnce(text: string): () => JsonValue | undefined {
  let known: { readonly value: JsonValue | undefined } | undefined;
  return () => (known ??= { value: readSoFar(text) }).value;
}
