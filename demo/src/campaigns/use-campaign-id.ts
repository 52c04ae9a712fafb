import { useEffect, useState } from 'react';
import { campaignIdFor, faultOfId, madeId, needsTransliteration, transliteratedIdFor } from './campaign-id.ts';

/** The id of a campaign that is to be. */
export interface NewId {
  /** What stands in the field; empty until there is a title, or while the tables of other scripts are loaded. */
  readonly text: string;
  /** The id, where it can be one. */
  readonly id: string | undefined;
  readonly fault: string | undefined;
  /** Takes the place of what is made of the title; empty: it is made of it again. */
  readonly type: (text: string) => void;
}

/** An id that follows a title of any script until somebody types another. */
export function useCampaignId(title: string): NewId {
  const [typed, type] = useState('');
  const [read, setRead] = useState<{ title: string; id: string }>();
  const [made] = useState(madeId);
  const words = title.trim();
  const isForeign = needsTransliteration(words);

  useEffect(() => {
    if (!isForeign) return undefined;
    let isWanted = true;
    void transliteratedIdFor(words)
      // Without the tables, as where they cannot be loaded, the id says nothing, and can be changed.
      .catch(() => undefined)
      .then((id) => isWanted && setRead({ title: words, id: id ?? made }));
    return () => {
      isWanted = false;
    };
  }, [words, isForeign, made]);

  const follows = words === '' ? '' : isForeign ? (read?.id ?? '') : (campaignIdFor(words) ?? made);
  // What is shown is that of the title before, until that of this one is read.
  const isCurrent = !isForeign || read?.title === words;
  const text = typed === '' ? follows : typed;
  const fault = text === '' ? undefined : faultOfId(text);
  const isId = text !== '' && fault === undefined && (typed !== '' || isCurrent);
  return { text, id: isId ? text : undefined, fault, type };
}
