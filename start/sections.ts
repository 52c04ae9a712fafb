import { z } from 'zod';
import { defineSections } from '../server/core/document/check.ts';
import { openVariants } from '../server/core/document/described/open-variants.ts';
import { rendered } from '../server/core/document/rendered/rendered.ts';

/*
 * What the demo's page can show, with its limits: the console's forms are made of this. Everything is open, so that
 * campaigns of other pages are taken as they are.
 */

const heading = z.string().max(200).meta({ title: 'Heading' }).exactOptional();
const unit = z.string().max(40).meta({ title: 'Unit', description: 'Such as € or seats.' }).exactOptional();
const amount = (title: string) => z.number().min(0).max(1e12).meta({ title });

/** The script that a module shows, by its name. */
const script = z.string().max(128).meta({ title: 'Script', description: 'Its name among the scripts.' });

const progress = z
  .looseObject({ label: heading, value: amount('So far'), goal: amount('Goal'), unit })
  .meta({ title: 'Progress towards a goal' });

const countdown = z
  .looseObject({
    label: heading,
    target: z
      .string()
      .max(64)
      .meta({
        title: 'Until',
        description: 'end_date, start_date, or a date of its own.',
        examples: ['end_date', 'start_date'],
      }),
  })
  .meta({ title: 'Countdown' });

const leader = z
  .looseObject({
    name: z.string().max(120).meta({ title: 'Name' }),
    score: z.number().meta({ title: 'Score' }),
    note: z.string().max(200).meta({ title: 'Note' }).exactOptional(),
  })
  .meta({ title: 'Entry' });

const leaderboard = z
  .looseObject({ title: heading, unit, entries: z.array(leader).max(100).meta({ title: 'Entries' }) })
  .meta({ title: 'Leaderboard' });

const steps = z.looseObject({ title: heading, script }).meta({ title: 'Steps of a script' });
const questions = z.looseObject({ title: heading, script }).meta({ title: 'Questions of a script' });

/** The top-level field that a module shows, by its name. */
const shown = z.string().max(128).meta({ title: 'Section', description: 'The section that it shows.' }).exactOptional();
const products = z.looseObject({ title: heading, module: shown }).meta({ title: 'Products' });
const tiers = z.looseObject({ title: heading, module: shown }).meta({ title: 'Rewards for referrals' });

const step = z
  .looseObject({
    title: z.string().max(200).meta({ title: 'Title' }),
    text: z.string().max(2_000).meta({ title: 'Text', format: 'multiline' }),
  })
  .meta({ title: 'Step' });

const question = z
  .looseObject({
    question: z.string().max(300).meta({ title: 'Question' }),
    answer: z.string().max(2_000).meta({ title: 'Answer', format: 'multiline' }),
  })
  .meta({ title: 'Question' });

const line = z.string().max(2_000).meta({ title: 'Line' });

const product = z
  .looseObject({
    sku: z.string().max(64).meta({ title: 'Article number' }).exactOptional(),
    name: z.string().min(1).max(120).meta({ title: 'Name' }),
    price: amount('Price'),
    note: z.string().max(300).meta({ title: 'Note' }).exactOptional(),
    photo: rendered.image().meta({ title: 'Photo' }).exactOptional(),
    link: rendered.url().meta({ title: 'Link' }).exactOptional(),
  })
  .meta({ title: 'Product' });

const tier = z
  .looseObject({
    count: z.int().min(1).max(1_000_000).meta({ title: 'People brought' }),
    reward: z.string().max(300).meta({ title: 'Reward' }),
  })
  .meta({ title: 'Reward' });

const about = {
  enabled: z.boolean().meta({ title: 'Shown' }).exactOptional(),
  description: z.string().max(2_000).meta({ title: 'Description', format: 'multiline' }).exactOptional(),
};

const input = z
  .looseObject({
    name: z.string().min(1).max(1_000).meta({ title: 'Name', description: 'Under which its answer is sent.' }),
    label: z.string().max(1_000).meta({ title: 'Label' }).exactOptional(),
    type: z
      .string()
      .max(1_000)
      .meta({ title: 'Kind', examples: ['text', 'email', 'tel', 'number', 'textarea', 'select'] })
      .exactOptional(),
    required: z.boolean().meta({ title: 'Required' }).exactOptional(),
  })
  .meta({ title: 'Field' });

const moment = z.union([z.iso.datetime({ offset: true, local: true }), z.iso.date()], {
  error: 'must be an ISO 8601 date, such as 2026-05-01 or 2026-05-01T09:00:00Z',
});

const phase = z
  .looseObject({
    name: z.string().max(200).meta({ title: 'Name' }),
    starts_at: moment.meta({ title: 'Starts' }).exactOptional(),
    ends_at: moment.meta({ title: 'Ends' }).exactOptional(),
  })
  .meta({ title: 'Phase' });

export const sections = defineSections({
  ui_content: z.looseObject({
    lead_form: z
      .looseObject({
        fields: z
          .array(z.union([input, line]))
          .max(50)
          .meta({ title: 'Fields' })
          .exactOptional(),
      })
      .exactOptional(),
  }),
  ui_components: z.record(
    z.string(),
    openVariants({ progress, countdown, leaderboard, steps, questions, products, tiers }).meta({ title: 'Module' }),
  ),
  scripts: z.record(
    z.string(),
    z.looseObject({
      main_text: z.string().max(20_000).meta({ title: 'Text', format: 'multiline' }).exactOptional(),
      steps: z
        .array(z.union([step, line]))
        .max(100)
        .meta({ title: 'Steps' })
        .exactOptional(),
      questions: z
        .array(z.union([question, line]))
        .max(100)
        .meta({ title: 'Questions' })
        .exactOptional(),
    }),
  ),
  commerce: z.looseObject({
    ...about,
    config: z
      .looseObject({
        currency: z
          .string()
          .max(40)
          .meta({ title: 'Currency', examples: ['EUR', 'GBP', 'USD'] })
          .exactOptional(),
        products: z.array(product).max(500).meta({ title: 'Products' }).exactOptional(),
      })
      .exactOptional(),
  }),
  referral: z.looseObject({
    ...about,
    config: z.looseObject({ tiers: z.array(tier).max(50).meta({ title: 'Rewards' }).exactOptional() }).exactOptional(),
  }),
  scheduling: z.looseObject({ phases: z.array(phase).max(100).meta({ title: 'Phases' }).exactOptional() }),
});
