import { useState } from 'react';
import { contrastOf, READABLE_CONTRAST } from '../../../audience/contrast.ts';
import { themeColour } from '../../../audience/theme.ts';
import { ColourField } from '../../../fields/ColourField.tsx';
import { DateField } from '../../../fields/DateField.tsx';
import { useEdited } from '../../../fields/local-document.ts';
import type { FormField } from '../model/fields.ts';
import { formatOf } from '../model/inferred-shape.ts';
import { written } from '../model/typed-value.ts';
import { urlFault } from '../model/url-fault.ts';
import { TypedField } from './TypedField.tsx';
import { usePlaceEdits } from './use-place-edits.ts';
import type { TextShape } from '../model/shape.ts';

/** Characters from which on a text is shown in lines. */
const LONG = 80;
/** Characters that a text may have which is shown in lines. */
const MAX_LINE = 1_000;

/** A text, by the control that its format asks for, or what it looked like at first: none changes under the hand. */
export function TextControl({ field, shape }: { field: FormField; shape: TextShape }) {
  const text = written(field.value);
  const [format] = useState(() => shape.format ?? formatOf(text));
  const [isLong] = useState(() => text.length > LONG || text.includes('\n') || (shape.max ?? 0) > MAX_LINE);
  const { updatesFor } = usePlaceEdits();
  const { label, place } = field;
  switch (format) {
    case 'colour':
      return <ColourControl field={field} />;
    case 'date-time':
      return (
        <DateField
          label={label}
          path={place}
          value={text}
          updates={(date) => updatesFor(place, date ?? undefined)}
          isOptional={field.isOptional}
        />
      );
    case 'date':
      // Also where it only looked like a date: no control writes anything else there.
      return <TypedField field={{ ...field, shape: { ...shape, format } }} type="date" />;
    case 'email':
      return <TypedField field={field} type="email" />;
    case 'link':
      return (
        <TypedField
          field={field}
          action={(typed) =>
            urlFault(typed) === undefined && (
              <a href={typed} target="_blank" rel="noreferrer" aria-label={`Open ${label}`}>
                Open
              </a>
            )
          }
        />
      );
    case 'lines':
    case 'html':
      return <TypedField field={field} lines={3} />;
    case undefined:
      return <TypedField field={field} lines={isLong ? 2 : 1} />;
  }
}

/** A colour, and how well it is read against the page's background; the background itself against its text. */
function ColourControl({ field: { label, place, value } }: { field: FormField }) {
  const theme = useEdited((document) => document.theme) ?? {};
  const { updatesFor } = usePlaceEdits();
  const other = place.join('.') === 'theme.background' ? 'text' : 'background';
  const contrast = contrastOf(written(value), themeColour(theme, other));
  const said = contrast === undefined ? undefined : `Contrast with the page’s ${other}: ${contrast.toFixed(1)}.`;
  const isLow = contrast !== undefined && contrast < READABLE_CONTRAST;
  return (
    <ColourField
      label={label}
      path={place}
      value={written(value)}
      updates={(colour) => updatesFor(place, colour)}
      hint={isLow ? undefined : said}
      advice={isLow ? `${said} Text needs ${READABLE_CONTRAST} to be read.` : undefined}
    />
  );
}
