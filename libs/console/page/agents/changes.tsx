import type { AuditPage, KeyPage } from '@agentfleet/protocol'
import { changesPath } from '../api/audit.ts'
import { request } from '../api/http.ts'
import { useLoad } from '../api/load.ts'
import { me } from '../api/me.ts'
import { Allowed } from '../parts/forms/allowed.tsx'
import { Panel } from '../parts/panel.tsx'
import { Table, type Column } from '../parts/tables/table.tsx'
import { Instant } from '../parts/time.tsx'
import { changesOf, changeWords, type Change } from './changes-of.ts'

const CHANGES = ['putAgent', 'deleteAgent'].map((operation) => changesPath(operation, 200))
const KEYS = '/v1/keys?limit=200'
const EVERY_MS = 15_000

const COLUMNS: readonly Column<Change>[] = [
  { title: 'When', of: ({ at }) => <Instant at={at} /> },
  { title: 'Change', of: changeWords },
  { title: 'Who', of: ({ who }) => <bdi>{who ?? '—'}</bdi> },
  { title: 'Key', of: ({ keyId }) => keyId ?? '—' },
  { title: 'Tenant', of: ({ tenant }) => tenant ?? '—' },
  { title: 'From', kind: 'wide', of: ({ address }) => address ?? '—' },
]

/** Who changed an agent, from the latest events of the audit log. */
export function AgentChanges({ name }: { name: string }) {
  if (me.value === undefined) return null
  return (
    <>
      <h2>Who changed it</h2>
      <Allowed scope="admin" to="read who changed this agent">
        <Changes name={name} />
      </Allowed>
    </>
  )
}

function Changes({ name }: { name: string }) {
  const read = async (signal: AbortSignal) => {
    const [{ keys }, ...pages] = await Promise.all([
      request<KeyPage>(KEYS, { signal }),
      ...CHANGES.map((path) => request<AuditPage>(path, { signal })),
    ])
    return changesOf(
      pages.flatMap(({ events }) => events),
      { name, tenant: me.peek()?.tenant },
      keys,
    )
  }
  const loaded = useLoad(`changes of ${name}`, read, EVERY_MS)
  return (
    <Panel loaded={loaded}>
      {(changes) => (
        <Table
          caption="Changes of this agent, latest first"
          columns={COLUMNS}
          rows={changes}
          keyOf={({ seq }) => String(seq)}
          empty="None of the latest changes is about this agent."
        />
      )}
    </Panel>
  )
}
