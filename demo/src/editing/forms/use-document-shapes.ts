import { useEffect, useMemo } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCampaignClient, useCampaignSnapshot } from '@campaign-state/client/react';
import type { DocumentSchema } from '@campaign-state/client';
import { shapeOf } from './model/read-schema.ts';
import { OPEN, type Shape } from './model/shape.ts';

/** The shape that a top-level field of the document has. */
export type ShapeOfField = (name: string) => Shape;

/**
 * The shapes of the document's fields, by the server's schemas: asked for once, and with every new link or token again,
 * by their hash. `undefined` until they are known; without an answer everything is what it looks like.
 */
export function useDocumentShapes(): ShapeOfField | undefined {
  const client = useCampaignClient();
  const queries = useQueryClient();
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const key = useMemo(() => ['document schema', campaignId], [campaignId]);
  const { data, isPending, refetch } = useQuery({
    queryKey: key,
    staleTime: Infinity,
    retry: false,
    async queryFn() {
      const before = queries.getQueryData<DocumentSchema>(key);
      const answer = await client.trpc.campaign.schema.query({
        campaignId,
        ...(before?.fields && { known: before.hash }),
      });
      return answer.fields || !before ? answer : before;
    },
  });
  useEffect(() => client.onRenewed(() => void refetch({ cancelRefetch: false })), [client, refetch]);
  return useMemo(() => (isPending ? undefined : shapesOf(data)), [data, isPending]);
}

/** The shapes that were read off each answer. */
const readShapes = new WeakMap<DocumentSchema, ShapeOfField>();

function shapesOf(schema: DocumentSchema | undefined): ShapeOfField {
  const known = schema && readShapes.get(schema);
  if (known) return known;
  const shapes = readingShapes(schema);
  if (schema) readShapes.set(schema, shapes);
  return shapes;
}

function readingShapes(schema: DocumentSchema | undefined): ShapeOfField {
  const read = new Map<string, Shape>();
  return (name) => {
    const known = read.get(name);
    if (known) return known;
    const { fields = {} } = schema ?? {};
    const shape = Object.hasOwn(fields, name) ? shapeOf(fields[name] ?? []) : OPEN;
    read.set(name, shape);
    return shape;
  };
}
