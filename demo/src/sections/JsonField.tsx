import { useEffect, useEffectEvent, useRef } from 'react';
import { createJsonEditor, type JsonEditor } from './json-editor.ts';
import type { Shape } from '../editing/forms/model/shape.ts';
import type { TextFault } from './json-text.ts';

/** Props of {@link JsonField}. */
export interface JsonFieldProps {
  readonly label: string;
  /** The id of the element that says what is wrong. */
  readonly describedBy: string;
  readonly text: string;
  readonly isReadOnly: boolean;
  /** Its line is selected when it is found. */
  readonly fault: TextFault | undefined;
  /** What the server's schemas say of its value. Default: nothing is known. */
  readonly shape?: Shape | undefined;
  /** The text to show the differences to. */
  readonly compareWith: string | undefined;
  readonly onChange: (text: string) => void;
  readonly onApply: () => void;
}

/** A field for JSON, in CodeMirror. Loaded when a section is opened: it is larger than the rest of the console. */
export function JsonField(props: JsonFieldProps) {
  const { label, describedBy, text, isReadOnly, fault, shape, compareWith } = props;
  const parent = useRef<HTMLDivElement>(null);
  const editor = useRef<JsonEditor>(undefined);
  const shownFault = useRef(fault);
  const onChange = useEffectEvent((changed: string) => props.onChange(changed));
  const onApply = useEffectEvent(() => props.onApply());
  const firstText = useEffectEvent(() => text);

  useEffect(() => {
    if (!parent.current) return;
    const made = createJsonEditor(parent.current, {
      label,
      describedBy,
      text: firstText(),
      onChange: (changed) => onChange(changed),
      onApply: () => onApply(),
    });
    editor.current = made;
    return () => {
      editor.current = undefined;
      made.destroy();
    };
  }, [label, describedBy]);

  useEffect(() => editor.current?.setText(text), [label, describedBy, text]);
  useEffect(
    () => editor.current?.setState({ isReadOnly, isInvalid: fault !== undefined }),
    [label, describedBy, isReadOnly, fault],
  );
  useEffect(() => editor.current?.compareWith(compareWith), [label, describedBy, compareWith]);
  useEffect(() => editor.current?.setShape(shape), [label, describedBy, shape]);
  useEffect(() => {
    // One that was there before, in another tab of the console, must not take the focus.
    if (fault?.line !== undefined && fault !== shownFault.current) editor.current?.showLine(fault.line);
    shownFault.current = fault;
  }, [fault]);

  return <div ref={parent} className="json-field" />;
}
