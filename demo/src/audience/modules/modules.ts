import type { CampaignView } from '@campaign-state/client';
import type { ComponentType } from 'react';
import { Countdown } from './Countdown.tsx';
import { Leaderboard } from './Leaderboard.tsx';
import type { ModuleProps } from './module.ts';
import { Products } from './Products.tsx';
import { Progress } from './Progress.tsx';
import { Questions } from './Questions.tsx';
import { record, text } from '../read.ts';
import { Steps } from './Steps.tsx';
import { Tiers } from './Tiers.tsx';

const BY_TYPE: Readonly<Record<string, ComponentType<ModuleProps>>> = {
  countdown: Countdown,
  progress: Progress,
  leaderboard: Leaderboard,
  steps: Steps,
  questions: Questions,
  products: Products,
  tiers: Tiers,
};

export interface PageModule {
  readonly feature: string;
  readonly Module: ComponentType<ModuleProps>;
  readonly component: Readonly<Record<string, unknown>>;
}

/** Modules of a page, in the order of its features: a feature shows the component of its name, where there is one. */
export function pageModules({ features = [], ui_components = {} }: CampaignView): PageModule[] {
  return features.flatMap((feature) => {
    const component = record(ui_components[feature]);
    const type = text(component['type']);
    const Module = Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type] : undefined;
    return Module ? [{ feature, Module, component }] : [];
  });
}
