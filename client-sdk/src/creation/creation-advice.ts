/** What to do where a page makes clients by dozens: loaded by those alone. */
export const CREATION_ADVICE =
  'campaign-state: many clients of the same server are being made, as happens when a component below a <Suspense> ' +
  'boundary makes one: React discards it with every suspended render. Make the client outside of components, or let ' +
  '<CampaignProvider url="…"> above the boundary make it. Further clients connect with a delay.';
