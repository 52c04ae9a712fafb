import { useRef } from 'react';
import type { CampaignView } from '@campaign-state/client';
import { Flash } from './Flash.tsx';
import { LeadForm } from './LeadForm.tsx';
import { pageModules } from './modules/modules.ts';
import { text } from './read.ts';
import { themeFont, themeProperties } from './theme.ts';

const NOTICES: Readonly<Record<string, string>> = {
  draft: 'A draft: this page is not published yet.',
  paused: 'Paused. We are back soon.',
  ended: 'This campaign has ended. Thank you for being part of it.',
};

/** Characters of a banner that a poster has room for. */
const LONG = 90;

/** The campaign's page, drawn from the document alone. */
export function AudiencePage({
  campaign,
  onLead,
}: {
  campaign: CampaignView;
  /** Somebody has sent the form. */
  onLead?: (() => void) | undefined;
}) {
  const form = useRef<HTMLDivElement>(null);
  const { theme = {}, ui_content: content = {}, status = 'active', features = [] } = campaign;
  const notice = NOTICES[status];
  const banner = content.banner ?? campaign.title ?? '';
  const hasForm = features.includes('lead_form') && content.lead_form !== undefined;
  return (
    <article className="page" data-font={themeFont(theme)} style={themeProperties(theme)}>
      <div className="poster">
        <header className="page-header">
          <p className="page-name" dir="auto">
            <Flash>{campaign.title ?? ''}</Flash>
          </p>
          {notice && <p className="page-notice">{notice}</p>}
        </header>
        <section className="hero">
          {text(content['kicker']) !== '' && (
            <p className="hero-kicker" dir="auto">
              <Flash>{text(content['kicker'])}</Flash>
            </p>
          )}
          <h1 dir="auto" data-long={banner.length > LONG}>
            <Flash>{banner}</Flash>
          </h1>
          <p className="hero-lead" dir="auto">
            <Flash>{campaign.description ?? ''}</Flash>
          </p>
          {text(content.cta) !== '' && (
            <button
              type="button"
              className="page-button"
              disabled={!hasForm}
              onClick={() => form.current?.querySelector<HTMLElement>('input, textarea, select, button')?.focus()}
            >
              <Flash>{text(content.cta)}</Flash>
            </button>
          )}
          {text(content['cta_note']) !== '' && (
            <p className="hero-note" dir="auto">
              <Flash>{text(content['cta_note'])}</Flash>
            </p>
          )}
        </section>
      </div>
      <div className="modules">
        {pageModules(campaign).map(({ feature, Module, component }) => (
          <Module key={feature} component={component} campaign={campaign} />
        ))}
      </div>
      {hasForm && (
        <div ref={form}>
          <LeadForm form={content.lead_form ?? {}} open={status !== 'ended'} onSent={onLead} />
        </div>
      )}
      <footer className="page-footer" dir="auto">
        {text(content['footer'])}
      </footer>
    </article>
  );
}
