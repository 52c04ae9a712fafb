import { number } from '../audience/read.ts';
import { useEdited } from '../fields/local-document.ts';
import { NumberField } from '../fields/NumberField.tsx';
import { TextField } from '../fields/TextField.tsx';

const WORDS = ['title', 'label'] as const;
const FIGURES = [
  { member: 'value', label: 'So far' },
  { member: 'goal', label: 'Goal' },
] as const;

/** The heading and the figures of one module of the page, where it has such. */
export function ModuleFields({ name }: { name: string }) {
  const component = useEdited((state) => state.ui_components?.[name]);
  if (!component) return undefined;
  const updates = (member: string) => (value: string | number) => ({
    ui_components: { [name]: { [member]: value } },
  });
  return (
    <fieldset className="module-fields">
      <legend>{name}</legend>
      {WORDS.map((member) => {
        const value = component[member];
        return typeof value === 'string' ? (
          <TextField
            key={member}
            label="Heading"
            path={['ui_components', name, member]}
            value={value}
            updates={updates(member)}
          />
        ) : undefined;
      })}
      <div className="field-pair">
        {FIGURES.map(({ member, label }) => {
          const value = number(component[member]);
          return value === undefined ? undefined : (
            <NumberField
              key={member}
              label={label}
              path={['ui_components', name, member]}
              value={value}
              updates={updates(member)}
            />
          );
        })}
      </div>
    </fieldset>
  );
}
