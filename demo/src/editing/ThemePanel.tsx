import { contrastOf, READABLE_CONTRAST } from '../audience/contrast.ts';
import { radius, THEME_COLOURS, THEME_FONTS, themeColour, themeFont } from '../audience/theme.ts';
import { useEdited, useEdits } from '../fields/local-document.ts';
import { ChoiceField } from '../fields/ChoiceField.tsx';
import { ColourField } from '../fields/ColourField.tsx';
import { NumberField } from '../fields/NumberField.tsx';
import { LockableSection } from '../locks/LockableSection.tsx';

const THEME = ['theme'];

/** How the page looks. */
export function ThemePanel({ readOnly }: { readOnly: boolean }) {
  const theme = useEdited((document) => document.theme) ?? {};
  const { update } = useEdits();
  return (
    <LockableSection path={THEME} title="Colours and shapes" readOnly={readOnly}>
      <div className="field-pair">
        {THEME_COLOURS.map(({ name, label, fallback }) => (
          <ColourField
            key={name}
            label={label}
            path={['theme', name]}
            value={String(theme[name] ?? fallback)}
            updates={(colour) => ({ theme: { [name]: colour } })}
            advice={name === 'text' ? sayContrast(theme) : undefined}
          />
        ))}
      </div>
      <NumberField
        label="Corners"
        path={['theme', 'radius']}
        slider
        max={32}
        value={radius(theme['radius'])}
        updates={(corner) => ({ theme: { radius: corner } })}
      />
      <ChoiceField
        label="Typeface"
        path={['theme', 'font']}
        value={themeFont(theme)}
        options={THEME_FONTS}
        choose={(font) => void update({ theme: { font } })}
      />
    </LockableSection>
  );
}

function sayContrast(theme: Readonly<Record<string, unknown>>): string | undefined {
  const contrast = contrastOf(themeColour(theme, 'text'), themeColour(theme, 'background'));
  if (contrast === undefined || contrast >= READABLE_CONTRAST) return undefined;
  return `Hard to read: its contrast with the background is ${contrast.toFixed(1)}; ${READABLE_CONTRAST} is needed.`;
}
