import type { AuditPage, KeyPage } from '@agentfleet/protocol'

type Event = AuditPage['events'][number]

/** An event of the audit log with the name of its key, if the fleet still knows the key. */
export type Change = Event & { readonly who: string | undefined }

/** Returns the events about one agent of one tenant, latest first: another tenant can have an agent of the same name. */
export function changesOf(
  events: readonly Event[],
  agent: { readonly name: string; readonly tenant: string | undefined },
  keys: readonly Pick<KeyPage['keys'][number], 'id' | 'name'>[],
): readonly Change[] {
  const names = new Map(keys.map(({ id, name }) => [id, name]))
  return events
    .filter(({ target, tenant }) => target === agent.name && tenant === agent.tenant)
    .toSorted((a, b) => b.seq - a.seq)
    .map((event) => ({ ...event, who: names.get(event.keyId ?? '') }))
}

/** Says what a change did, or that the outcome is unknown. */
export function changeWords({ operation, kind }: Pick<Event, 'operation' | 'kind'>): string {
  const done = operation === 'putAgent' ? 'stored' : 'deleted'
  return kind === 'unknown' ? `perhaps ${done}: the outcome is unknown` : done
}
